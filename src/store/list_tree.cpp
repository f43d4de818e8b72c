#include <algorithm>

#include "store/hash_tree.hpp"
#include "store/source_file.hpp"

namespace shoal::store {
namespace {

Error refuse(const fs::path& path, std::string_view why) { return fail(ErrorCode::usage, shown(path) + " " + std::string(why)); }

Error unreadable(const fs::path& path, const std::error_code& error) {
  return fail(ErrorCode::usage, shown(path) + " cannot be read: " + error.message());
}

/// Prefixes are empty or end with '/'.
struct Listing {
  std::vector<LayoutFile> files;
  std::vector<std::string> waiting;  // prefixes of directories to look into
};

Status list_entry(const std::string& relative, const fs::directory_entry& entry, Listing& listing) {
  std::error_code error;
  fs::file_status status = entry.symlink_status(error);
  if (error) return unreadable(entry.path(), error);
  switch (status.type()) {
    case fs::file_type::regular: {
      ByteCount size = entry.file_size(error);
      if (error) return unreadable(entry.path(), error);
      listing.files.push_back({relative, size});
      return {};
    }
    case fs::file_type::directory: listing.waiting.push_back(relative + "/"); return {};
    case fs::file_type::symlink:
      return refuse(entry.path(), "is a symbolic link; a release holds regular files only (\"cp -rL\" makes a copy without links)");
    default: return refuse(entry.path(), "is neither a regular file nor a directory");
  }
}

/// One directory is open at a time: trees may be a thousand levels deep.
Status list_below(const fs::path& root, const std::string& prefix, Listing& listing) {
  fs::path directory = prefix.empty() ? root : root / prefix.substr(0, prefix.size() - 1);
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  if (error) return unreadable(directory, error);
  for (; entry != fs::directory_iterator(); entry.increment(error)) {
    SHOAL_CHECK(list_entry(prefix + entry->path().filename().string(), *entry, listing));
  }
  if (error) return unreadable(directory, error);
  return {};
}

}  // namespace

Result<std::vector<LayoutFile>> list_tree(const fs::path& root) {
  std::error_code error;
  fs::file_status status = fs::status(root, error);
  if (status.type() == fs::file_type::not_found) return refuse(root, "does not exist");
  if (error) return unreadable(root, error);
  if (status.type() != fs::file_type::directory) return refuse(root, "is not a directory; give the directory that holds the files");

  Listing listing{{}, {""}};
  while (!listing.waiting.empty()) {
    const std::string prefix = std::move(listing.waiting.back());
    listing.waiting.pop_back();
    SHOAL_CHECK(list_below(root, prefix, listing));
  }
  auto& files = listing.files;
  if (files.empty()) return refuse(root, "holds no files");
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return std::move(files);
}

}  // namespace shoal::store
