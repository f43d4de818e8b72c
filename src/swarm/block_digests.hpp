// The digests of a piece's blocks, from the bytes that the store has of it.
#pragma once

#include <functional>

#include "fanout/blame.hpp"
#include "store/piece_store.hpp"

namespace shoal::swarm {

/// `bytes` of the piece belong to a file. `done` is called once, on a thread of the store's or before this returns; a block that is not
/// there, or whose bytes were lost on the disk, has no digest. Of a failed piece it must be called before the piece is cleared.
void read_block_digests(store::PieceStore& store, store::ContentId content, std::uint32_t piece, std::uint32_t bytes,
                        std::function<void(fanout::BlockDigests)> done);

/// The same of bytes in memory.
fanout::BlockDigests block_digests(std::string_view bytes);

}  // namespace shoal::swarm
