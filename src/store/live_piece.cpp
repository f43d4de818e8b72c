#include "store/live_piece.hpp"

#include <algorithm>

namespace shoal::store {
namespace {

using Place = LivePiece::Place;

constexpr std::size_t most_read_back = 16;  // blocks at a time

/// Reads neighbouring blocks back.
Status read_spilled(ContentFiles& files, const Layout& layout, std::uint32_t piece, const LivePiece& live, std::size_t first,
                    std::size_t count, std::vector<char>& bytes) {
  const std::size_t begin = live.block_begin(first), last = first + count - 1;
  bytes.resize(live.block_begin(last) + live.block_length(last) - begin);
  const auto parts = layout.parts(piece, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(bytes.size()));
  const iovec buffer{bytes.data(), bytes.size()};
  SHOAL_CHECK(files.read(parts, {&buffer, 1}));
  for (std::size_t i = first; i <= last; ++i)
    if (fingerprint({bytes.data() + live.block_begin(i) - begin, live.block_length(i)}) != live.spilled[i])
      return fail(ErrorCode::verification,
                  layout.files()[parts.front().file].path + ": bytes of an unfinished piece were lost on the disk");
  return {};
}

}  // namespace

std::vector<std::size_t> blocks_in_memory(const LivePiece& live) {
  std::vector<std::size_t> blocks;
  for (std::size_t i = 0; i < live.blocks.size(); ++i)
    if (live.blocks[i] == Place::memory) blocks.push_back(i);
  return blocks;
}

Status write_blocks(ContentFiles& files, const Layout& layout, std::uint32_t piece, const LivePiece& live,
                    const std::vector<std::size_t>& blocks) {
  for (std::size_t i = 0; i < blocks.size();) {
    std::vector<iovec> buffers;
    const std::size_t first = blocks[i];
    std::uint32_t length = 0;
    for (; i < blocks.size() && blocks[i] == first + buffers.size(); ++i) {
      buffers.push_back({const_cast<char*>(live.block_data(blocks[i])), live.block_length(blocks[i])});
      length += static_cast<std::uint32_t>(live.block_length(blocks[i]));
    }
    SHOAL_CHECK(files.write(layout.parts(piece, static_cast<std::uint32_t>(live.block_begin(first)), length), buffers));
  }
  return {};
}

Status for_all_bytes(ContentFiles& files, const Layout& layout, std::uint32_t piece, const LivePiece& live,
                     const std::function<void(std::string_view)>& use) {
  std::vector<char> scratch;
  for (std::size_t i = 0; i < live.blocks.size();) {
    if (live.blocks[i] == Place::memory) {
      use({live.block_data(i), live.block_length(i)});
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < live.blocks.size() && end - i < most_read_back && live.blocks[end] == Place::disk) ++end;
    SHOAL_CHECK(read_spilled(files, layout, piece, live, i, end - i, scratch));
    use({scratch.data(), scratch.size()});
    i = end;
  }
  return {};
}

void note_spilled(LivePiece& live, const std::vector<std::size_t>& blocks, const std::vector<Fingerprint>& came) {
  live.spilled.resize(live.blocks.size());
  for (const std::size_t block : blocks) {
    live.blocks[block] = Place::disk;
    live.spilled[block] = came[block];
  }
}

std::size_t free_spilled_chunks(LivePiece& live) {
  std::size_t freed = 0;
  for (std::size_t chunk = 0; chunk < live.chunks.size(); ++chunk) {
    const auto begin = live.blocks.begin() + static_cast<std::ptrdiff_t>(chunk * blocks_per_chunk);
    const auto end = live.blocks.end() - begin < std::ptrdiff_t{blocks_per_chunk} ? live.blocks.end() : begin + blocks_per_chunk;
    if (!live.chunks[chunk] || std::find(begin, end, Place::memory) != end) continue;
    live.chunks[chunk] = {};
    --live.held;
    ++freed;
  }
  return freed;
}

}  // namespace shoal::store
