// How much payload came from the source and how much from other nodes.
#pragma once

#include <libtorrent/extensions.hpp>

#include <atomic>
#include <memory>
#include <vector>

#include "swarm/bell.hpp"
#include "swarm/engine.hpp"

namespace shoal::swarm {

/// Bytes as the network delivered them: blocks that arrive twice, or belong to a piece that fails its check, count each time.
struct PayloadCounts {
  std::atomic<ByteCount> from_source{0};
  std::atomic<ByteCount> from_peers{0};
  std::atomic<ByteCount> from_mirrors{0};
  std::atomic<ByteCount> to_source{0};
  std::atomic<ByteCount> to_peers{0};
  std::atomic<std::uint64_t> rejected{0};  // requests of this machine that peers turned down
};

/// A libtorrent plugin for one torrent, which adds to all `counts`: those of the torrent, and those of the engine. Its calls come on the
/// network thread; the counts may be read from any. `mesh` must outlive the session. `bell` rings when a peer comes or goes.
std::shared_ptr<lt::torrent_plugin> payload_counter(const mesh::Mesh& mesh, std::vector<std::shared_ptr<PayloadCounts>> counts,
                                                    std::shared_ptr<Bell> bell);

}  // namespace shoal::swarm
