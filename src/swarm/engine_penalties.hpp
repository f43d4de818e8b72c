// Keeps libtorrent from punishing peers on its own account.
#pragma once

#include <libtorrent/peer_connection_handle.hpp>

#include "swarm/engine.hpp"

namespace shoal::swarm {

// libtorrent takes trust from every peer that sent blocks of a failed piece, and bans for good whom it trusts no more: one liar gets the
// honest ones banned. Who is banned is for `Bans` to say. No setting turns this off, so these write to libtorrent's own record of a peer,
// a public header of 2.0.8. All calls on the network thread.

/// Call it once a second and before each penalty (`peer_plugin::on_piece_failed`): trust is never used up.
void restore_trust(const lt::peer_connection_handle& peer);
/// Call it from `peer_plugin::on_disconnect`: a ban by libtorrent is over with the connection that it ended.
void lift_ban(const lt::peer_connection_handle& peer);
/// Only whole pieces are asked of this peer from now on, and nobody else is asked for those, until the next piece of it is verified.
void ask_whole_pieces(const lt::peer_connection_handle& peer);

}  // namespace shoal::swarm
