#include "store/layout.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace shoal::store {
namespace {

constexpr ByteCount smallest_piece = 64 * KiB, largest_piece = 4 * MiB;

// Pieces have 31-bit numbers in BitTorrent engines.
constexpr ByteCount most_pieces = std::numeric_limits<std::int32_t>::max();

/// Of how many pieces of this length a checkpoint is made before longer ones are taken.
ByteCount most_of(ByteCount length) {
  // Every peer is told of every piece: with such small ones that costs a percent of the network, so they are for what would have too few.
  if (length < 256 * KiB) return 1024;
  if (length < 2 * MiB) return 4096;
  // A node has a piece under way on each of about thirty links. Of longer ones, not all would fit in the store's memory.
  return 32768;
}

ByteCount pieces_for(ByteCount size, std::uint32_t piece_length) { return size / piece_length + (size % piece_length != 0 ? 1 : 0); }

}  // namespace

Layout::Layout(std::vector<LayoutFile> files, std::uint32_t piece_length) : files_(std::move(files)), piece_length_(piece_length) {
  if (piece_length == 0) throw std::invalid_argument("a layout needs a piece length");
  first_piece_.reserve(files_.size());
  ByteCount pieces = 0;
  for (const auto& file : files_) {
    first_piece_.push_back(static_cast<std::uint32_t>(pieces));
    ByteCount more = pieces_for(file.size, piece_length);
    if (more > most_pieces - pieces) throw std::length_error("a layout of more than 2^31 pieces");
    pieces += more;
    total_size_ += file.size;
  }
  piece_count_ = static_cast<std::uint32_t>(pieces);
}

Result<Layout> Layout::make(std::vector<LayoutFile> files, std::uint32_t piece_length) {
  if (piece_length == 0) return fail("the piece length is zero");
  ByteCount pieces = 0;
  for (const auto& file : files) {
    ByteCount more = pieces_for(file.size, piece_length);
    if (more > most_pieces - pieces) return fail("more than 2^31 pieces of " + std::to_string(piece_length) + " bytes");
    pieces += more;
  }
  return Layout(std::move(files), piece_length);
}

PieceExtent Layout::extent(std::uint32_t piece) const {
  if (piece >= piece_count_) throw std::out_of_range("piece " + std::to_string(piece) + " of " + std::to_string(piece_count_));
  // The last file that starts at or before the piece. Empty files share the number of the file behind them and come before it.
  auto next = std::upper_bound(first_piece_.begin(), first_piece_.end(), piece);
  auto file = static_cast<std::uint32_t>(next - first_piece_.begin() - 1);
  ByteCount offset = static_cast<ByteCount>(piece - first_piece_[file]) * piece_length_;
  auto length = std::min<ByteCount>(piece_length_, files_[file].size - offset);
  return {file, offset, static_cast<std::uint32_t>(length)};
}

std::uint32_t Layout::pieces_of(std::uint32_t file) const {
  return static_cast<std::uint32_t>(pieces_for(files_.at(file).size, piece_length_));
}

std::uint32_t piece_length_for(ByteCount total_size) {
  ByteCount length = smallest_piece;
  while (length < largest_piece && length * most_of(length) < total_size) length *= 2;
  return static_cast<std::uint32_t>(length);
}

std::uint32_t piece_length_for(ByteCount total_size, std::uint32_t before) {
  const std::uint32_t wanted = piece_length_for(total_size);
  return before >= wanted / 2 && before <= wanted * 2 ? before : wanted;
}

}  // namespace shoal::store
