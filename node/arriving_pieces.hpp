// Which bytes of a release that is being fetched may be read, and which pieces its readers wait for. Decisions only: no I/O, no threads.
#pragma once

#include <cstdint>
#include <vector>

#include "store/layout.hpp"

namespace shoal::node {

/// Bytes that a reader may have beyond the one that it waits for: they are fetched before the rest of the release. Small, so that nodes
/// that all read from the beginning still fetch different pieces most of the time.
inline constexpr ByteCount reading_window = 16 * MiB;
inline constexpr std::uint32_t fewest_in_window = 4;

/// Pieces that an engine reads before the weights: small files whole (configuration, tokenizer, index), and the first bytes of all others,
/// where safetensors and GGUF have their headers. At most an eighth of the content, in ascending order.
std::vector<std::uint32_t> pieces_read_first(const store::Layout& layout);

/// One thread at a time.
class ArrivingPieces {
 public:
  explicit ArrivingPieces(store::Layout layout)
      : layout_(std::move(layout)), have_(layout_.piece_count()), proved_(layout_.piece_count()), hurried_(layout_.piece_count()) {}

  const store::Layout& layout() const { return layout_; }

  /// The pieces that are verified and written now; true where there are more than before.
  bool set_have(const std::vector<bool>& have);
  bool has(std::uint32_t piece) const { return have_[piece]; }
  /// The gateway has compared it with the release after it was read from the disk.
  void set_proved(std::uint32_t piece) { proved_[piece] = true; }
  bool is_proved(std::uint32_t piece) const { return proved_[piece]; }

  /// The piece with a byte of a file that is not beyond its end.
  std::uint32_t piece_at(std::uint32_t file, ByteCount offset) const;
  /// How many bytes of the file from `offset` lie in the same piece.
  ByteCount rest_of_piece(std::uint32_t file, ByteCount offset) const;

  /// The missing pieces from `offset` of the file to the end of the reader's window, without those that were returned before.
  std::vector<std::uint32_t> to_hurry(std::uint32_t file, ByteCount offset);
  /// Pieces that were hurried by other means.
  void note_hurried(const std::vector<std::uint32_t>& pieces);
  /// The content was added again: nothing counts as hurried.
  void forget_hurried() { hurried_.assign(hurried_.size(), false); }

 private:
  const store::Layout layout_;
  std::vector<bool> have_, proved_, hurried_;
};

}  // namespace shoal::node
