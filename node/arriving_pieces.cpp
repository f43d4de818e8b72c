#include "node/arriving_pieces.hpp"

#include <algorithm>
#include <set>

namespace shoal::node {
namespace {

constexpr ByteCount small_file = 32 * MiB;
constexpr ByteCount header_of_weights = 1 * MiB;
constexpr std::uint32_t most_share = 8;

bool is_weights(const std::string& path) {
  for (const char* extension : {".safetensors", ".gguf", ".bin", ".onnx", ".pt", ".npz"})
    if (path.ends_with(extension)) return true;
  return false;
}

}  // namespace

std::vector<std::uint32_t> pieces_read_first(const store::Layout& layout) {
  std::set<std::uint32_t> first;
  const std::size_t most = layout.piece_count() / most_share;
  for (std::uint32_t file = 0; file < layout.files().size(); ++file) {
    const ByteCount size = layout.files()[file].size;
    if (size == 0) continue;
    const bool whole = size <= small_file && !is_weights(layout.files()[file].path);
    const auto wanted = (std::min(whole ? size : header_of_weights, size) - 1) / layout.piece_length() + 1;
    const auto pieces = std::min<std::uint32_t>(layout.pieces_of(file), static_cast<std::uint32_t>(wanted));
    if (first.size() + pieces > most) continue;
    for (std::uint32_t i = 0; i < pieces; ++i) first.insert(layout.first_piece(file) + i);
  }
  return {first.begin(), first.end()};
}

bool ArrivingPieces::set_have(const std::vector<bool>& have) {
  if (have.size() != have_.size() || have == have_) return false;
  have_ = have;
  return true;
}

std::uint32_t ArrivingPieces::piece_at(std::uint32_t file, ByteCount offset) const {
  return static_cast<std::uint32_t>((layout_.start(file) + offset) / layout_.piece_length());
}

ByteCount ArrivingPieces::rest_of_piece(std::uint32_t file, ByteCount offset) const {
  const ByteCount begun = (layout_.start(file) + offset) % layout_.piece_length();
  return std::min<ByteCount>(layout_.piece_length() - begun, layout_.files()[file].size - offset);
}

std::vector<std::uint32_t> ArrivingPieces::to_hurry(std::uint32_t file, ByteCount offset) {
  const std::uint32_t from = piece_at(file, offset), end = layout_.first_piece(file) + layout_.pieces_of(file);
  const auto window = std::max(fewest_in_window, static_cast<std::uint32_t>(reading_window / layout_.piece_length()));
  std::vector<std::uint32_t> pieces;
  for (std::uint32_t piece = from; piece < std::min(end, from + window); ++piece)
    if (!have_[piece] && !hurried_[piece]) pieces.push_back(piece);
  note_hurried(pieces);
  return pieces;
}

void ArrivingPieces::note_hurried(const std::vector<std::uint32_t>& pieces) {
  for (const std::uint32_t piece : pieces) hurried_[piece] = true;
}

}  // namespace shoal::node
