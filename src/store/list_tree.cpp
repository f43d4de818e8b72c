#include <algorithm>

#include "store/hash_tree.hpp"
#include "store/snapshot_link.hpp"
#include "store/source_file.hpp"
#include "store/source_rules.hpp"

namespace shoal::store {
namespace {

Error refuse(const fs::path& path, std::string_view why) { return fail(ErrorCode::usage, shown(path) + " " + std::string(why)); }

Error unreadable(const fs::path& path, const std::error_code& error) {
  return fail(ErrorCode::usage, shown(path) + " cannot be read: " + error.message());
}

/// Prefixes are empty or end with '/'.
struct Listing {
  const SourceRules* rules = nullptr;
  SourceTree tree;
  std::vector<std::string> waiting;  // prefixes of directories to look into
};

bool is_left_out(const std::string& relative, bool directory, Listing& listing) {
  if (listing.rules == nullptr || !listing.rules->leaves_out(relative, directory)) return false;
  if (relative != ignore_file) listing.tree.left_out.push_back(directory ? relative + "/" : relative);
  return true;
}

Status list_file(const std::string& relative, const fs::path& path, Listing& listing) {
  std::error_code error;
  const ByteCount size = fs::file_size(path, error);
  if (error) return unreadable(path, error);
  listing.tree.files.push_back({relative, size});
  return {};
}

Status list_link(const std::string& relative, const fs::path& path, Listing& listing) {
  const auto target = target_of_snapshot_link(path);
  return target ? list_file(relative, *target, listing) : Status(refuse(path, why_link_is_refused(path)));
}

Status list_entry(const std::string& relative, const fs::directory_entry& entry, Listing& listing) {
  std::error_code error;
  fs::file_status status = entry.symlink_status(error);
  if (error) return unreadable(entry.path(), error);
  if (is_left_out(relative, status.type() == fs::file_type::directory, listing)) return {};
  switch (status.type()) {
    case fs::file_type::regular: return list_file(relative, entry.path(), listing);
    case fs::file_type::directory: listing.waiting.push_back(relative + "/"); return {};
    case fs::file_type::symlink: return list_link(relative, entry.path(), listing);
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

Result<SourceTree> list(const fs::path& root, const SourceRules* rules) {
  std::error_code error;
  fs::file_status status = fs::status(root, error);
  if (status.type() == fs::file_type::not_found) return refuse(root, "does not exist");
  if (error) return unreadable(root, error);
  if (status.type() != fs::file_type::directory) return refuse(root, "is not a directory; give the directory that holds the files");

  Listing listing{rules, {}, {""}};
  while (!listing.waiting.empty()) {
    const std::string prefix = std::move(listing.waiting.back());
    listing.waiting.pop_back();
    SHOAL_CHECK(list_below(root, prefix, listing));
  }
  auto& [files, left_out] = listing.tree;
  if (files.empty()) return refuse(root, left_out.empty() ? "holds no files" : "holds no files but those that are left out");
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  std::sort(left_out.begin(), left_out.end());
  return std::move(listing.tree);
}

}  // namespace

Result<std::vector<LayoutFile>> list_tree(const fs::path& root) {
  SHOAL_TRY(SourceTree tree, list(root, nullptr));
  return std::move(tree.files);
}

Result<SourceTree> list_source(const fs::path& root, const std::vector<std::string>& exclude) {
  SHOAL_TRY(SourceRules rules, SourceRules::of(root, exclude));
  return list(root, &rules);
}

}  // namespace shoal::store
