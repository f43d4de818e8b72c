// What this machine has published and where the files are, so that `shoal seed` serves it later:
//   STATE/sources/<release id>.json      model, root, envelope, times of the files; written last
//   STATE/sources/<release id>.torrent   the metainfo
//   STATE/sources/<release id>.pieces    the pieces' fingerprints; may be missing
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/ids.hpp"
#include "store/file_stamp.hpp"
#include "store/fingerprint.hpp"

namespace shoal::publisher {

/// Nothing in it is trusted when it is read back: the envelope is verified again.
struct Source {
  ModelName model;
  fs::path root;         // absolute
  std::string envelope;  // JSON text
  std::string metainfo;
  std::vector<store::Fingerprint> fingerprints;  // one for each piece, or none
  /// Nanoseconds since the epoch, for the files of the release in their order: a file that was written since is hashed again
  /// before it is served.
  std::vector<std::int64_t> mtimes_ns;
};

/// One thread at a time; several processes may save while one reads.
class Sources {
 public:
  explicit Sources(const fs::path& state) : directory_(state / "sources") {}
  /// Durable when it returns; replaces what was known of the release.
  Status save(const ReleaseId& id, const Source& source) const;
  Result<Source> load(const ReleaseId& id) const;
  /// Changes with what was saved of the release.
  Result<store::FileStamp> stamp(const ReleaseId& id) const { return store::stamp_of(file(id, ".json")); }
  /// The release is not served from here any more; one that is not known is fine.
  Status remove(const ReleaseId& id) const;
  /// In order; none where nothing was published yet.
  Result<std::vector<ReleaseId>> list() const;
  /// Changes when a release is added or removed; nothing where that cannot be told.
  std::optional<std::int64_t> listing_stamp() const;

 private:
  fs::path file(const ReleaseId& id, const char* extension) const { return directory_ / (id.hex() + extension); }
  fs::path directory_;
};

}  // namespace shoal::publisher
