// Who sent which block of the pieces that are on their way. Pure.
#pragma once

#include <unordered_map>

#include "swarm/blame.hpp"

namespace shoal::swarm {

/// As many pieces as the store has unfinished ones: each is taken out when it is checked, or cleared.
class BlockLedger {
 public:
  /// A block was taken. `sender` is nullptr where it came from this machine itself. Whose bytes are kept of two that came for one block is
  /// not known.
  void add(std::uint32_t piece, std::uint32_t block, std::shared_ptr<const NodeId> sender);
  /// The senders of the first `blocks` blocks; empty where none of the piece's is known.
  BlockSenders take(std::uint32_t piece, std::size_t blocks);
  void clear(std::uint32_t piece) { pieces_.erase(piece); }

 private:
  struct Sent {
    std::shared_ptr<const NodeId> sender;
    bool here = false;
  };
  std::unordered_map<std::uint32_t, std::vector<Sent>> pieces_;
};

}  // namespace shoal::swarm
