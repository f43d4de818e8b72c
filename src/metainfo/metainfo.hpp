// The v1 .torrent of a release (BEP 3, 27, 47) with `sha256 pieces` and `sha256 states` beside `info`.
#pragma once

#include <string>
#include <vector>

#include "manifest/trust.hpp"
#include "store/file_proof.hpp"
#include "store/hash_tree.hpp"

namespace shoal::metainfo {

struct Metainfo {
  std::string bytes;  // the .torrent
  InfoHash info_hash;
};

/// With the proof of the files' digests (store/file_proof.hpp), unless that would make it too large for a tracker.
/// private=1, no trackers, pad files where the layout has gaps; `info.name` is the first 32 hex digits of a SHA-256 over the file list, so
/// that equal content has an equal info-hash.
Result<Metainfo> make_metainfo(const store::Layout& layout, const store::TreeHashes& hashes);

/// A metainfo that was held against its release: SHA-256 and size as signed, info-hash, piece length, files and order as in the
/// release, private, no trackers, no similar/collections, no attributes but padding, one SHA-256 per piece. Where a file fits into one
/// piece, both have the same digest.
class CheckedMetainfo {
 public:
  static Result<CheckedMetainfo> check(const manifest::VerifiedRelease& release, std::string bytes);

  const std::string& bytes() const { return bytes_; }
  const InfoHash& info_hash() const { return info_hash_; }
  const store::Layout& layout() const { return layout_; }
  const std::vector<Sha256>& piece_sha256() const { return piece_sha256_; }
  const std::vector<Sha256>& file_sha256() const { return file_sha256_; }
  /// Of the files' digests, where the publisher wrote one.
  const std::optional<store::FileProof>& proof() const { return proof_; }

 private:
  CheckedMetainfo(std::string bytes, InfoHash info_hash, store::Layout layout, std::vector<Sha256> pieces, std::vector<Sha256> files,
                  std::optional<store::FileProof> proof)
      : bytes_(std::move(bytes)),
        info_hash_(info_hash),
        layout_(std::move(layout)),
        piece_sha256_(std::move(pieces)),
        file_sha256_(std::move(files)),
        proof_(std::move(proof)) {}
  std::string bytes_;
  InfoHash info_hash_;
  store::Layout layout_;
  std::vector<Sha256> piece_sha256_;
  std::vector<Sha256> file_sha256_;
  std::optional<store::FileProof> proof_;
};

}  // namespace shoal::metainfo
