#include "store/layout.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace shoal::store {
namespace {

constexpr ByteCount smallest_piece = 16 * KiB, largest_piece = 4 * MiB;

// Pieces have 31-bit numbers in BitTorrent engines.
constexpr ByteCount most_pieces = std::numeric_limits<std::int32_t>::max();

/// Of how many pieces of this length a checkpoint is made before longer ones are taken.
ByteCount most_of(ByteCount length) {
  // Every peer is told of every piece: with such small ones that costs a percent of the network, so they are for what would have too few.
  if (length < 32 * KiB) return 512;
  if (length < 64 * KiB) return 768;
  if (length < 256 * KiB) return 1024;
  if (length < 2 * MiB) return 4096;
  // A node has a piece under way on each of about thirty links. Of longer ones, not all would fit in the store's memory.
  return 32768;
}

ByteCount pieces_for(ByteCount size, ByteCount piece_length) { return size / piece_length + (size % piece_length != 0 ? 1 : 0); }

/// No packing needs more pieces than aligned files do.
bool fits(const std::vector<LayoutFile>& files, std::uint32_t piece_length) {
  ByteCount pieces = 0;
  for (const auto& file : files) {
    const ByteCount more = pieces_for(file.size, piece_length);
    if (more > most_pieces - pieces) return false;
    pieces += more;
  }
  return true;
}

}  // namespace

Layout::Layout(std::vector<LayoutFile> files, std::uint32_t piece_length, Packing packing)
    : files_(std::move(files)), piece_length_(piece_length), packing_(packing) {
  if (piece_length == 0) throw std::invalid_argument("a layout needs a piece length");
  if (!fits(files_, piece_length)) throw std::length_error("a layout of more than 2^31 pieces");
  arrange();
}

Result<Layout> Layout::make(std::vector<LayoutFile> files, std::uint32_t piece_length, Packing packing) {
  if (piece_length == 0) return fail("the piece length is zero");
  if (!fits(files, piece_length)) return fail("more than 2^31 pieces of " + std::to_string(piece_length) + " bytes");
  return Layout(std::move(files), piece_length, packing);
}

void Layout::arrange() {
  order_.resize(files_.size());
  std::iota(order_.begin(), order_.end(), std::uint32_t{0});
  const auto is_small = [this](std::uint32_t file) { return files_[file].size < piece_length_; };
  if (packing_ == Packing::packed) std::stable_partition(order_.begin(), order_.end(), is_small);
  starts_.resize(files_.size());
  ByteCount end = 0;
  for (const auto file : order_) {
    if (packing_ == Packing::aligned || !is_small(file)) end = pieces_for(end, piece_length_) * piece_length_;
    starts_[file] = end;
    end += files_[file].size;
    total_size_ += files_[file].size;
    if (files_[file].size > 0) with_bytes_.push_back(file);
  }
  piece_count_ = static_cast<std::uint32_t>(pieces_for(end, piece_length_));
}

/// The place in `with_bytes_` of the last file that begins before the position.
std::size_t Layout::last_before(ByteCount position) const {
  const auto next =
      std::partition_point(with_bytes_.begin(), with_bytes_.end(), [&](std::uint32_t file) { return starts_[file] < position; });
  return static_cast<std::size_t>(next - with_bytes_.begin()) - 1;
}

std::uint32_t Layout::bytes_in(std::uint32_t piece) const {
  if (piece >= piece_count_) throw std::out_of_range("piece " + std::to_string(piece) + " of " + std::to_string(piece_count_));
  const ByteCount begin = ByteCount{piece} * piece_length_, end = begin + piece_length_;
  const std::uint32_t last = with_bytes_[last_before(end)];
  return static_cast<std::uint32_t>(std::min(end, starts_[last] + files_[last].size) - begin);
}

std::vector<FilePart> Layout::parts(std::uint32_t piece) const { return parts(piece, 0, bytes_in(piece)); }

std::vector<FilePart> Layout::parts(std::uint32_t piece, std::uint32_t begin, std::uint32_t length) const {
  if (begin > bytes_in(piece) || length > bytes_in(piece) - begin) throw std::out_of_range("bytes beyond piece " + std::to_string(piece));
  std::vector<FilePart> parts;
  ByteCount at = ByteCount{piece} * piece_length_ + begin;
  const ByteCount end = at + length;
  for (std::size_t i = last_before(at + 1); at < end; ++i) {
    const std::uint32_t file = with_bytes_[i];
    const ByteCount until = std::min(end, starts_[file] + files_[file].size);
    parts.push_back({file, at - starts_[file], static_cast<std::uint32_t>(until - at),
                     static_cast<std::uint32_t>(at - ByteCount{piece} * piece_length_)});
    at = until;
  }
  return parts;
}

bool Layout::continues(std::uint32_t piece) const {
  if (piece == 0) return false;
  const ByteCount begin = ByteCount{piece} * piece_length_;
  const std::uint32_t file = with_bytes_[last_before(begin + 1)];
  return starts_[file] < begin || is_packed(file);
}

std::uint32_t Layout::pieces_of(std::uint32_t file) const {
  const ByteCount size = files_.at(file).size;
  if (size == 0) return 0;
  return static_cast<std::uint32_t>((starts_[file] + size - 1) / piece_length_) - first_piece(file) + 1;
}

bool Layout::is_packed(std::uint32_t file) const { return packing_ == Packing::packed && files_.at(file).size < piece_length_; }

Packing packing_for(const std::vector<LayoutFile>& files, std::uint32_t piece_length) {
  constexpr ByteCount block = 16 * KiB;
  const auto on_the_wire = [](ByteCount size) { return pieces_for(size, block) * block; };
  ByteCount aligned = 0, small = 0, large = 0, total = 0;
  for (const auto& file : files) {
    const ByteCount cost = on_the_wire(file.size);
    aligned += cost;
    total += file.size;
    if (file.size < piece_length) small += file.size;
    else large += cost;
  }
  const ByteCount packed = large + on_the_wire(small);
  return aligned > packed && aligned - packed > total / 20 ? Packing::packed : Packing::aligned;
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
