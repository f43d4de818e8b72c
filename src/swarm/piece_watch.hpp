// What the disk back-end tells of the blocks and pieces of a content.
#pragma once

#include <cstdint>

#include "fanout/blame.hpp"

namespace shoal::swarm {

/// Called on libtorrent's network thread.
class PieceWatch {
 public:
  virtual ~PieceWatch() = default;
  /// The store has a block. `from_peer` is false where this machine brought it itself, and where it is not the one that has just come.
  virtual void taken(std::uint32_t piece, std::uint32_t start, bool from_peer) = 0;
  /// All blocks are there and will be hashed. What has to be known of the blocks, by the outcome.
  struct Needs {
    bool if_corrupt = false, if_verified = false;
    std::uint32_t bytes = 0;  // of files, in the piece
  };
  virtual Needs check_begins(std::uint32_t piece) = 0;
  /// Before libtorrent hears of it, and after.
  virtual void checked(std::uint32_t piece, bool is_right, const fanout::BlockDigests& digests) = 0;
  virtual void told() = 0;
  /// The piece begins anew: its blocks were dropped, or lost on the disk.
  virtual void cleared(std::uint32_t piece) = 0;
};

}  // namespace shoal::swarm
