// Which bytes of which files a piece holds.
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

/// How files are laid out over the pieces. Padding (BEP 47) fills each gap up to the next piece. The numbers are those of a release.
enum class Packing : std::uint32_t {
  /// Every file starts on a piece boundary, in the order of the release.
  aligned = 1,
  /// Files shorter than a piece come first, one right behind the other, and share pieces. The others follow, each on a piece boundary.
  packed = 2,
};

/// Bytes of a file in a piece.
struct FilePart {
  std::uint32_t file = 0;
  ByteCount offset = 0;      // in the file
  std::uint32_t length = 0;  // at least 1
  std::uint32_t at = 0;      // in the piece
};

/// The bytes of files come first in a piece, without gaps; the rest of it is padding (zeroes).
class Layout {
 public:
  /// For sizes that this program measured or checked: throws std::length_error above 2^31 pieces.
  Layout(std::vector<LayoutFile> files, std::uint32_t piece_length, Packing packing = Packing::aligned);
  /// For sizes from a document.
  static Result<Layout> make(std::vector<LayoutFile> files, std::uint32_t piece_length, Packing packing = Packing::aligned);

  /// In the order of the release.
  const std::vector<LayoutFile>& files() const { return files_; }
  std::uint32_t piece_length() const { return piece_length_; }
  std::uint32_t piece_count() const { return piece_count_; }
  ByteCount total_size() const { return total_size_; }
  Packing packing() const { return packing_; }

  /// The piece's bytes without padding: less than the piece length at the end of what lies there.
  std::uint32_t bytes_in(std::uint32_t piece) const;
  /// Where those bytes lie, in order; at least one part.
  std::vector<FilePart> parts(std::uint32_t piece) const;
  /// The same of [begin, begin + length) in the piece, which must not reach beyond its bytes.
  std::vector<FilePart> parts(std::uint32_t piece, std::uint32_t begin, std::uint32_t length) const;
  /// The piece goes on with the file, or the run of packed files, in which the piece before it ends.
  bool continues(std::uint32_t piece) const;

  /// First piece and number of pieces with bytes of a file; an empty file has none, and the first piece of the file behind it.
  std::uint32_t first_piece(std::uint32_t file) const { return static_cast<std::uint32_t>(starts_[file] / piece_length_); }
  std::uint32_t pieces_of(std::uint32_t file) const;
  /// Its pieces may have bytes of other files.
  bool is_packed(std::uint32_t file) const;

  /// All files in the order in which they lie, empty ones too.
  const std::vector<std::uint32_t>& order() const { return order_; }
  /// Where a file begins, counting the padding before it.
  ByteCount start(std::uint32_t file) const { return starts_[file]; }

 private:
  std::size_t last_before(ByteCount position) const;
  void arrange();

  std::vector<LayoutFile> files_;
  std::uint32_t piece_length_;
  Packing packing_;
  std::uint32_t piece_count_ = 0;
  ByteCount total_size_ = 0;
  std::vector<ByteCount> starts_;          // by file
  std::vector<std::uint32_t> order_;       // all files
  std::vector<std::uint32_t> with_bytes_;  // those that are not empty, in the same order
};

/// A power of two, 16 KiB to 4 MiB: a checkpoint of 5 MB has three hundred pieces, one of 64 MB a thousand, one of 1 GB and more thousands
/// (decision 0010).
std::uint32_t piece_length_for(ByteCount total_size);
/// As `before`, the length of an earlier version, where that is at most twice or half of what the size alone asks for: pieces of another
/// length have nothing in common with what nodes have.
std::uint32_t piece_length_for(ByteCount total_size, std::uint32_t before);

/// `packed` where that saves more than a twentieth of the network: peers ask for blocks of 16 KiB, so an aligned file costs its size and
/// up to a block (decision 0016).
Packing packing_for(const std::vector<LayoutFile>& files, std::uint32_t piece_length);

}  // namespace shoal::store
