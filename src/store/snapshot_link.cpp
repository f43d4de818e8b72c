#include "store/snapshot_link.hpp"

namespace shoal::store {
namespace {

bool is_repository(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with("models--") || name.starts_with("datasets--") || name.starts_with("spaces--");
}

/// The repository of a cache in one of whose snapshots the directory lies.
std::optional<fs::path> repository_of(const fs::path& directory) {
  for (fs::path at = directory; at.has_relative_path(); at = at.parent_path()) {
    const fs::path above = at.parent_path();
    if (above.filename() == "snapshots" && is_repository(above.parent_path())) return above.parent_path();
  }
  return std::nullopt;
}

}  // namespace

std::optional<fs::path> target_of_snapshot_link(const fs::path& link) {
  std::error_code error;
  if (!fs::is_symlink(fs::symlink_status(link, error))) return std::nullopt;
  const fs::path directory = fs::canonical(link.parent_path(), error);
  if (error) return std::nullopt;
  const auto repository = repository_of(directory);
  const fs::path target = fs::canonical(link, error);
  if (error || !repository || target.parent_path() != *repository / "blobs") return std::nullopt;
  return fs::is_regular_file(fs::symlink_status(target, error)) ? std::optional(target) : std::nullopt;
}

std::string why_link_is_refused(const fs::path& link) {
  std::error_code error;
  const std::string target = fs::read_symlink(link, error).string();
  if (target.find("/annex/objects/") != std::string::npos)
    return "is a git-annex link and not the file itself; fetch and unlock it ('git annex get', 'git annex unlock'), or leave it out "
           "(--exclude)";
  if (!fs::exists(link, error))
    return "is a symbolic link to a file that is not there; complete the directory, or leave it out (--exclude)";
  return "is a symbolic link; a release holds regular files and the links of a Hugging Face snapshot only (\"cp -rL\" makes a copy "
         "without links)";
}

}  // namespace shoal::store
