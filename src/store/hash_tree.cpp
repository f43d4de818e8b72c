#include "store/hash_tree.hpp"

#include "store/hash_packed.hpp"
#include "store/hash_pipeline.hpp"

namespace shoal::store {
namespace {

Result<std::vector<FileStamp>> stamps_of(const fs::path& root, const Layout& layout) {
  std::vector<FileStamp> stamps;
  stamps.reserve(layout.files().size());
  for (const auto& file : layout.files()) {
    Result<FileStamp> stamp = stamp_of(root / file.path);
    // The layout was made from a listing: what differs from it has changed since.
    if (!stamp.ok() || stamp.value().size != file.size) return changed_error(root / file.path);
    stamps.push_back(stamp.value());
  }
  return stamps;
}

Status check_unchanged(const fs::path& root, const Layout& layout, const std::vector<FileStamp>& stamps) {
  for (std::uint32_t file = 0; file < stamps.size(); ++file) {
    const fs::path path = root / layout.files()[file].path;
    Result<FileStamp> now = stamp_of(path);
    if (!now.ok() || now.value() != stamps[file]) return changed_error(path);
  }
  return {};
}

}  // namespace

Result<TreeHashes> hash_tree(const fs::path& root, const Layout& layout, const HashOptions& options) {
  SHOAL_TRY(std::vector<FileStamp> stamps, stamps_of(root, layout));
  TreeHashes hashes;
  hashes.files.resize(layout.files().size(), crypto::sha256(""));
  hashes.pieces.resize(layout.piece_count());
  ProgressMeter progress(options.progress);
  SHOAL_CHECK(hash_packed(root, layout, options, stamps, progress, hashes));
  SHOAL_CHECK(HashPipeline(root, layout, options, stamps, progress, hashes).run());
  progress.finish();
  SHOAL_CHECK(check_unchanged(root, layout, stamps));
  return hashes;
}

}  // namespace shoal::store
