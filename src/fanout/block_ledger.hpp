// Records which machine sent which block of the unfinished pieces. Pure.
#pragma once

#include <unordered_map>

#include "fanout/blame.hpp"

namespace shoal::fanout {

/// Holds as many pieces as the store has unfinished ones: a piece is removed when it is checked or cleared.
class BlockLedger {
 public:
  /// The store accepted a block. `sender` is nullptr if this machine supplied it itself. If two copies of a block arrived, the sender is
  /// unknown.
  void add(std::uint32_t piece, std::uint32_t block, std::shared_ptr<const NodeId> sender);
  /// The senders of the first `blocks` blocks; empty if no block of the piece is known.
  BlockSenders take(std::uint32_t piece, std::size_t blocks);
  void clear(std::uint32_t piece) { pieces_.erase(piece); }

 private:
  struct Sent {
    std::shared_ptr<const NodeId> sender;
    bool here = false;
  };
  std::unordered_map<std::uint32_t, std::vector<Sent>> pieces_;
};

}  // namespace shoal::fanout
