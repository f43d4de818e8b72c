// Disconnects peers that ask and do not read.
#pragma once

#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <memory>

#include "swarm/engine.hpp"

namespace shoal::swarm {

/// A libtorrent plugin for one torrent; it must come before those that take messages, which keep them from the ones behind. All
/// its calls come on the network thread. It looks at a connection's send buffer once a second, and each time the peer has sent as much as
/// could have filled it. `mesh` must outlive the session.
std::shared_ptr<lt::torrent_plugin> unread_guard(const lt::torrent_handle& torrent, const mesh::Mesh& mesh, const Clock& clock);

}  // namespace shoal::swarm
