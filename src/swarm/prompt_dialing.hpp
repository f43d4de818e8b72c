// Has libtorrent dial a peer when it hears of it.
#pragma once

#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <memory>

namespace shoal::swarm {

namespace lt = libtorrent;

/// A libtorrent plugin for one torrent. By itself, libtorrent 2.0.8 dials once a second: a link starts half a second late on average, and
/// so does everything that waits for it. It dials at once after an answer of its own trackers (it has none here) and after a resume. So
/// each peer that is added is followed by a pause that this plugin keeps from happening, and a resume. At most 255 dials of a torrent
/// are prompt (torrent_connect_boost); the others come with the tick.
std::shared_ptr<lt::torrent_plugin> prompt_dialing(const lt::torrent_handle& torrent);

}  // namespace shoal::swarm
