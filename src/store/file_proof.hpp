// Ties pieces to the digests of their files.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "crypto/digest.hpp"
#include "crypto/sha256_chain.hpp"
#include "store/layout.hpp"

namespace shoal::store {

/// A piece that takes SHA-256 from the state before it to the state after it, or at the end of a file to the file's digest, is a part of
/// the one file with this digest. So files are proved piece by piece, in any order and on any thread, and nothing is read again at the end.
/// States that are wrong prove nothing: some piece of the file then fails.
struct FileProof {
  std::vector<Sha256> files;
  std::vector<crypto::Sha256State> after;  // by piece; something only where has_state() says so
};

/// The piece ends within a file that begins on a piece boundary.
bool has_state(const Layout& layout, std::uint32_t piece);

/// Takes the bytes of one piece, without padding, and says whether they are right: by the proof, as far as there is one, else by the digest
/// of the piece, which says nothing of the files'. Refers to its arguments.
class PieceCheck {
 public:
  PieceCheck(const Layout& layout, const Sha256& digest, const std::optional<FileProof>& proof, std::uint32_t piece);
  void update(std::string_view bytes);
  /// Once, after the last byte.
  bool is_right();

 private:
  bool is_proved(const FilePart& part) const;
  void begin_part();
  void end_part();

  const Layout& layout_;
  const Sha256& digest_;
  const std::optional<FileProof>& proof_;
  const std::uint32_t piece_;
  const std::vector<FilePart> parts_;
  std::size_t part_ = 0;    // that comes next
  std::uint32_t done_ = 0;  // bytes of it
  bool right_ = true;
  std::optional<crypto::Sha256Chain> chain_;   // of the file, where the proof speaks of it
  std::optional<crypto::Sha256Hasher> whole_;  // of the piece, where there is a part of which the proof says nothing
};

/// Files whose pieces, each right by itself, do not show that the file has its digest: all without a proof, else those shorter than a
/// piece that lie across two. They are to be read and hashed.
std::vector<std::uint32_t> unproved_files(const Layout& layout, const std::optional<FileProof>& proof);

/// Where the digests of files and pieces contradict each other already without any bytes: a file that has a piece for itself has the
/// digest of the piece, and an empty file has that of nothing. The number of the first such file.
std::optional<std::uint32_t> contradiction(const Layout& layout, const std::vector<Sha256>& files, const std::vector<Sha256>& pieces);

}  // namespace shoal::store
