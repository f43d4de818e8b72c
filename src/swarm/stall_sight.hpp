// What the engine tells of a fetch of which nothing arrives. The one place where a stall looks into libtorrent.
#pragma once

#include <libtorrent/torrent_handle.hpp>

#include <vector>

#include "fanout/stall.hpp"
#include "mesh/mesh.hpp"
#include "swarm/engine.hpp"

namespace shoal::swarm {

struct StallSight {
  fanout::StallFacts facts;  // of the disk and the peers; the rest is not the engine's to know
  /// Links that neither bring nor take anything, though the peer should have something for us (with `all`: any).
  std::vector<mesh::VirtualEndpoint> idle, idle_useful;
  int checked = 0;  // of a check, in millionths
};

/// Waits for the network thread, and goes through all pieces of all peers: for a fetch that stands still. Throws lt::system_error where the
/// torrent is gone.
StallSight look_at(const lt::torrent_handle& torrent, const mesh::Mesh& mesh);

}  // namespace shoal::swarm
