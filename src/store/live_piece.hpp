// A piece whose blocks arrive, in memory and on the disk. Internal to the store.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "store/content_files.hpp"
#include "store/content_types.hpp"
#include "store/piece_cache.hpp"

namespace shoal::store {

inline constexpr std::uint32_t block_size = 16 * KiB;
inline constexpr std::uint32_t blocks_per_chunk = ChunkPool::chunk_size / block_size;

/// A piece whose blocks arrive, or that is being hashed and written. While `completing` or `spilling`, a worker reads the chunks without
/// the lock: nothing that is there changes then.
struct LivePiece {
  enum class Place : std::uint8_t { absent, memory, disk };
  explicit LivePiece(std::uint32_t bytes)
      : length(bytes),
        chunks((bytes + ChunkPool::chunk_size - 1) / ChunkPool::chunk_size),
        blocks((bytes + block_size - 1) / block_size, Place::absent) {}

  std::size_t block_begin(std::size_t block) const { return block * block_size; }
  std::size_t block_length(std::size_t block) const { return std::min<std::size_t>(block_size, length - block_begin(block)); }
  const char* block_data(std::size_t block) const {
    return chunks[block / blocks_per_chunk].data() + block % blocks_per_chunk * block_size;
  }
  bool all_in(Place place) const {
    return std::all_of(blocks.begin(), blocks.end(), [place](Place p) { return p == place; });
  }
  bool has(Place place) const { return std::find(blocks.begin(), blocks.end(), place) != blocks.end(); }

  const std::uint32_t length;  // without padding
  Chunks chunks;               // empty where no block is in memory
  std::vector<Place> blocks;
  std::vector<Fingerprint> spilled;  // of the blocks on disk, as they came; empty where none was
  std::size_t held = 0;              // chunks in memory
  std::uint64_t touched = 0;         // when the last block came
  bool spilling = false;
  bool completing = false;
  bool corrupt = false;
  bool cleared = false;
  std::vector<VerdictCallback> completions;  // more than one if a re-check asks as well
  std::vector<std::function<void()>> cleared_callbacks;
};

std::vector<std::size_t> blocks_in_memory(const LivePiece& live);
/// Writes these blocks to their places in the files, neighbours in one call for each file.
Status write_blocks(ContentFiles& files, const Layout& layout, std::uint32_t piece, const LivePiece& live,
                    const std::vector<std::size_t>& blocks);
/// Hands the bytes of a piece to `use`, in order. Blocks that were spilled are read back, without memory of the budget. Code
/// `verification` where they are not those that came.
Status for_all_bytes(ContentFiles& files, const Layout& layout, std::uint32_t piece, const LivePiece& live,
                     const std::function<void(std::string_view)>& use);
/// Notes that these blocks are on the disk, with the fingerprints of what came.
void note_spilled(LivePiece& live, const std::vector<std::size_t>& blocks, const std::vector<Fingerprint>& came);
/// Frees chunks of which no block is in memory, and returns how many.
std::size_t free_spilled_chunks(LivePiece& live);

}  // namespace shoal::store
