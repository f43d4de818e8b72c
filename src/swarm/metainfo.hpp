// The v1 .torrent of a release (BEP 3, 27, 47) with `sha256 pieces` beside `info`.
#pragma once

#include <string>
#include <vector>

#include "manifest/trust.hpp"
#include "store/hash_tree.hpp"

namespace shoal::swarm {

struct Metainfo {
  std::string bytes;  // the .torrent
  InfoHash info_hash;
};

/// private=1, no trackers, pad files where the layout has gaps; `info.name` is the first 32 hex digits of a SHA-256 over the file list, so
/// that equal content has an equal info-hash.
Result<Metainfo> make_metainfo(const store::Layout& layout, const store::TreeHashes& hashes);

/// A metainfo that was held against its release: SHA-256 and size as signed, info-hash, piece length, files and order as in the
/// release, private, no trackers, no similar/collections, no attributes but padding, one SHA-256 per piece.
class CheckedMetainfo {
 public:
  static Result<CheckedMetainfo> check(const manifest::VerifiedRelease& release, std::string bytes);

  const std::string& bytes() const { return bytes_; }
  const InfoHash& info_hash() const { return info_hash_; }
  const store::Layout& layout() const { return layout_; }
  const std::vector<Sha256>& piece_sha256() const { return piece_sha256_; }
  const std::vector<Sha256>& file_sha256() const { return file_sha256_; }

 private:
  CheckedMetainfo(std::string bytes, InfoHash info_hash, store::Layout layout, std::vector<Sha256> pieces, std::vector<Sha256> files)
      : bytes_(std::move(bytes)),
        info_hash_(info_hash),
        layout_(std::move(layout)),
        piece_sha256_(std::move(pieces)),
        file_sha256_(std::move(files)) {}
  std::string bytes_;
  InfoHash info_hash_;
  store::Layout layout_;
  std::vector<Sha256> piece_sha256_;
  std::vector<Sha256> file_sha256_;
};

}  // namespace shoal::swarm
