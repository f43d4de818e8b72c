// Which bytes of which file a piece holds. Every file starts on a piece boundary (BEP 47 pad files fill the gaps).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/units.hpp"

namespace shoal::store {

struct LayoutFile {
  std::string path;  // relative
  ByteCount size = 0;
};

/// The bytes of a piece that belong to a file; the rest of the piece is padding (zeroes). A piece never spans two files.
struct PieceExtent {
  std::uint32_t file = 0;
  ByteCount offset = 0;      // in the file
  std::uint32_t length = 0;  // bytes of the file in the piece; less than the piece length at the end of the file
};

class Layout {
 public:
  /// For sizes that this program measured or checked: throws std::length_error above 2^31 pieces.
  Layout(std::vector<LayoutFile> files, std::uint32_t piece_length);
  /// For sizes from a document.
  static Result<Layout> make(std::vector<LayoutFile> files, std::uint32_t piece_length);

  const std::vector<LayoutFile>& files() const { return files_; }
  std::uint32_t piece_length() const { return piece_length_; }
  std::uint32_t piece_count() const { return piece_count_; }
  ByteCount total_size() const { return total_size_; }
  PieceExtent extent(std::uint32_t piece) const;
  /// First piece and number of pieces of a file; an empty file has none, and the first piece of the file behind it.
  std::uint32_t first_piece(std::uint32_t file) const { return first_piece_[file]; }
  std::uint32_t pieces_of(std::uint32_t file) const;

 private:
  std::vector<LayoutFile> files_;
  std::uint32_t piece_length_;
  std::uint32_t piece_count_ = 0;
  ByteCount total_size_ = 0;
  std::vector<std::uint32_t> first_piece_;
};

/// A power of two, 64 KiB to 4 MiB: a checkpoint of 64 MB has a thousand pieces, one of 1 GB and more has thousands (decision 0010).
std::uint32_t piece_length_for(ByteCount total_size);
/// As `before`, the length of an earlier version, where that is at most twice or half of what the size alone asks for: pieces of another
/// length have nothing in common with what nodes have.
std::uint32_t piece_length_for(ByteCount total_size, std::uint32_t before);

}  // namespace shoal::store
