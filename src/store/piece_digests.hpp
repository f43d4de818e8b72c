// The digests of a run of pieces, as their bytes come in.
#pragma once

#include <string_view>

#include "crypto/digest.hpp"
#include "store/fingerprint.hpp"
#include "store/hash_tree.hpp"

namespace shoal::store {

/// Begins at a piece's first byte. Every finished piece is written to `hashes` at once; one thread at a time, and several may fill
/// different elements of the same vector.
class PieceDigests {
 public:
  PieceDigests(const Layout& layout, std::uint32_t first_piece, std::vector<PieceHashes>& hashes)
      : layout_(layout), piece_(first_piece), hashes_(hashes) {}

  void update(std::string_view bytes);
  /// The last piece may be short.
  void finish();

 private:
  void finish_piece();

  const Layout& layout_;
  std::uint32_t piece_;
  std::vector<PieceHashes>& hashes_;
  std::size_t done_ = 0;  // bytes of the piece
  crypto::Sha1Hasher sha1_;
  crypto::Sha256Hasher sha256_;
  FingerprintHasher fingerprint_;
};

}  // namespace shoal::store
