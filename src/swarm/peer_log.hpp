// The debug lines about a peer as the BitTorrent engine meets it: `peer.*`. docs/troubleshooting.md, "Following one link", explains them.
#pragma once

#include <libtorrent/extensions.hpp>
#include <libtorrent/peer_connection_handle.hpp>

#include <memory>

#include "swarm/engine.hpp"
#include "swarm/peer_tally.hpp"

namespace shoal::swarm {

/// A libtorrent plugin for one torrent; it only watches, and must come before the plugins that keep messages to themselves. Its calls come
/// on the network thread. Each peer causes at most two lines a second, beside those about its connection, which are bounded
/// (log::debug_of). `mesh` must outlive the session.
std::shared_ptr<lt::torrent_plugin> peer_log(const mesh::Mesh& mesh, const InfoHash& content);

/// What was sent past the engine, which tells its plugins nothing of it. On the network thread.
void note_sent(const lt::peer_connection_handle& peer, PeerTally::Kind what, std::uint32_t piece);

}  // namespace shoal::swarm
