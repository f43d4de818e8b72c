#include "swarm/deciding_pieces.hpp"

#include <algorithm>
#include <set>

namespace shoal::swarm {
namespace {

/// A zip archive ends with 22 bytes and up to 64 KiB of comment.
constexpr ByteCount tail_length = 64 * KiB + 22;
/// Of a small content, and the share of a large one.
constexpr std::size_t most_of_small = 16, share = 4;
constexpr ByteCount least_beside = 256 * KiB, most_beside = 32 * MiB;

using Pieces = std::set<std::uint32_t>;

std::uint32_t piece_at(const store::Layout& layout, std::uint32_t file, ByteCount offset) {
  return static_cast<std::uint32_t>((layout.start(file) + offset) / layout.piece_length());
}

void add_tail(const store::Layout& layout, std::uint32_t file, Pieces& pieces) {
  const ByteCount size = layout.files()[file].size;
  const std::uint32_t last = piece_at(layout, file, size - 1);
  for (std::uint32_t piece = piece_at(layout, file, size - std::min(size, tail_length)); piece <= last; ++piece) pieces.insert(piece);
}

/// Stops when there are more than `most`.
void add_all(const store::Layout& layout, bool tails, std::size_t most, Pieces& pieces) {
  for (std::uint32_t file = 0; file < layout.files().size() && pieces.size() <= most; ++file) {
    if (layout.files()[file].size == 0) continue;
    pieces.insert(layout.first_piece(file));
    if (tails) add_tail(layout, file, pieces);
  }
}

}  // namespace

std::vector<std::uint32_t> deciding_pieces(const store::Layout& layout) {
  const std::size_t most = std::max<std::size_t>(most_of_small, layout.piece_count() / share);
  for (const bool tails : {true, false}) {
    Pieces pieces;
    add_all(layout, tails, most, pieces);
    if (pieces.size() <= most) return {pieces.begin(), pieces.end()};
  }
  return {};
}

ByteCount allowance_beside(const store::Layout& layout, const std::vector<std::uint32_t>& deciding) {
  ByteCount bytes = 0;
  for (const std::uint32_t piece : deciding) bytes += layout.bytes_in(piece);
  return std::clamp(bytes, least_beside, most_beside);
}

}  // namespace shoal::swarm
