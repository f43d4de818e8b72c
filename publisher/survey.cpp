#include "publisher/survey.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/encoding.hpp"
#include "base/read_range.hpp"
#include "manifest/code_formats.hpp"
#include "manifest/model_format.hpp"
#include "manifest/pointers.hpp"
#include "store/hash_tree.hpp"
#include "store/snapshot_link.hpp"

namespace shoal::publisher {
namespace {

std::vector<std::string> paths_of(const std::vector<store::LayoutFile>& files) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const auto& file : files) paths.push_back(file.path);
  return paths;
}

Status check_content(const std::vector<store::LayoutFile>& files, const fs::path& root) {
  SHOAL_CHECK(manifest::check_paths(paths_of(files)).within(printable(root.string(), 4096)));
  bool bytes = std::any_of(files.begin(), files.end(), [](const auto& file) { return file.size > 0; });
  if (!bytes) return fail(ErrorCode::usage, printable(root.string(), 4096) + " holds only empty files; there is nothing to publish");
  return {};
}

Result<std::vector<store::FileStamp>> stamps_of(const fs::path& root, const std::vector<store::LayoutFile>& files) {
  std::vector<store::FileStamp> stamps;
  stamps.reserve(files.size());
  for (const auto& file : files) {
    SHOAL_TRY(store::FileStamp stamp, store::stamp_of(root / file.path));
    stamps.push_back(stamp);
  }
  return stamps;
}

Result<std::string> read_range(const fs::path& path, ByteCount offset, ByteCount length) {
  auto fd = open_file(store::target_of_snapshot_link(path).value_or(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd.ok()) return fail(ErrorCode::usage, "cannot be read: " + fd.error().message);
  return shoal::read_range(*fd, path, offset, length);
}

std::vector<manifest::FileEntry> entries_of(const std::vector<store::LayoutFile>& files) {
  std::vector<manifest::FileEntry> entries;
  entries.reserve(files.size());
  for (const auto& file : files) entries.push_back({file.path, file.size, {}});
  return entries;
}

Error not_content(const std::string& path, const std::string& problem) {
  return fail(ErrorCode::usage, printable(path, 4096) + " " + problem + ", or leave it out (--exclude)");
}

/// Files that stand in for content which a tool has yet to fetch.
Status check_pointers(const std::vector<store::LayoutFile>& files, const manifest::ReadRange& read) {
  std::set<std::string_view> paths;
  for (const auto& file : files) paths.insert(file.path);
  for (const auto& file : files) {
    if (file.path.ends_with(".dvc") && !paths.contains(file.path.substr(0, file.path.size() - 4)))
      return not_content(file.path, "is a DVC pointer without its file: run 'dvc pull'");
    if (file.size >= manifest::pointer_limit) continue;
    SHOAL_TRY(std::string head, read(file.path, 0, std::min(file.size, manifest::pointer_head)).within(printable(file.path, 4096)));
    if (std::string problem = manifest::pointer_problem(head, file.size); !problem.empty()) return not_content(file.path, problem);
  }
  return {};
}

}  // namespace

Result<Survey> survey(const fs::path& source, const std::vector<std::string>& exclude) {
  Survey result;
  SHOAL_TRY(auto tree, store::list_source(source, exclude));
  result.files = std::move(tree.files);
  result.left_out = std::move(tree.left_out);
  result.exclude = exclude;
  std::error_code error;
  result.root = fs::canonical(source, error);
  if (error) return fail_errno(printable(source.string(), 4096), error.value());
  if (!is_utf8(result.root.string())) return fail(ErrorCode::usage, printable(result.root.string(), 4096) + ": the path is not UTF-8");
  SHOAL_CHECK(check_content(result.files, result.root));
  SHOAL_TRY(result.stamps, stamps_of(result.root, result.files));
  const auto entries = entries_of(result.files);
  auto read = [&](const std::string& path, ByteCount offset, ByteCount length) { return read_range(result.root / path, offset, length); };
  SHOAL_CHECK(check_pointers(result.files, read));
  SHOAL_TRY(result.format, manifest::summarise_checkpoint(entries, read));
  SHOAL_TRY(result.code_files, manifest::code_files_by_content(entries, read));
  return result;
}

Status check_unchanged(const Survey& before) {
  std::string root = printable(before.root.string(), 4096);
  SHOAL_TRY(auto tree, store::list_source(before.root, before.exclude));
  const auto& files = tree.files;
  if (paths_of(files) != paths_of(before.files)) return fail(root + " changed while it was hashed: files came or went; publish again");
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto now = store::stamp_of(before.root / files[i].path);
    if (!now.ok() || now.value() != before.stamps[i])
      return fail(printable(files[i].path, 4096) + " in " + root + " changed while it was hashed; publish again");
  }
  return {};
}

}  // namespace shoal::publisher
