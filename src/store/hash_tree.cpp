#include "store/hash_tree.hpp"

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

}  // namespace

Result<TreeHashes> hash_tree(const fs::path& root, const Layout& layout, const HashOptions& options) {
  SHOAL_TRY(std::vector<FileStamp> stamps, stamps_of(root, layout));
  return HashPipeline(root, layout, options, std::move(stamps)).run();
}

}  // namespace shoal::store
