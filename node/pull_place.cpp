#include "node/pull_place.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

namespace shoal::node {
namespace {

constexpr std::string_view own_prefix = ".shoal-";

/// But for what a fetch of ours left, and for what a new file system has.
bool holds_nothing(const fs::path& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error); !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(own_prefix) && name != "lost+found") return false;
  }
  return !error;
}

/// A link to a directory is that directory.
Result<fs::path> resolved(const fs::path& target) {
  std::error_code error;
  if (!fs::is_symlink(fs::symlink_status(target, error))) return target;
  if (fs::is_directory(target, error)) return fs::canonical(target, error);
  return fail(ErrorCode::usage, target.string() + " is a link to " + fs::read_symlink(target, error).string() +
                                    ", which is no directory: remove the link, or choose another directory for --to");
}

/// Whether the directory cannot be replaced by another one, so that the files have to be put into it.
bool must_be_filled(const fs::path& target) {
  struct stat here {};
  struct stat above {};
  const fs::path parent = target.parent_path();
  if (::stat(target.c_str(), &here) != 0 || ::stat(parent.c_str(), &above) != 0) return false;
  const bool foreign = (above.st_mode & S_ISVTX) != 0 && ::geteuid() != 0 && here.st_uid != ::geteuid() && above.st_uid != ::geteuid();
  return is_mount_point(target) || foreign || ::access(parent.c_str(), W_OK | X_OK) != 0;
}

std::string short_name(const ReleaseId& id) { return std::string(own_prefix) + id.hex().substr(0, 12); }

/// The files below `root`, so that a fetch that goes on is not asked for space that it has.
struct Held {
  ByteCount bytes = 0;
  std::uint64_t files = 0;
};

Held held_below(const fs::path& root) {
  Held held;
  // Files that cannot be read count as absent: the check then asks for more space than needed, not less.
  (void)walk_tree(root, [&](const fs::directory_entry& entry) -> Status {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) != 0) return {};
    if (S_ISREG(info.st_mode)) held.bytes += static_cast<ByteCount>(info.st_blocks) * 512;
    ++held.files;
    return {};
  });
  return held;
}

}  // namespace

Status check_space(const fs::path& root, const fs::path& directory, Needs needs) {
  const Held held = held_below(root);
  needs.bytes -= std::min(needs.bytes, held.bytes);
  needs.files -= std::min(needs.files, held.files);
  SHOAL_TRY(Room room, room_at(root));
  return check_room(needs, room, directory.string());
}

Needs needs_of(const manifest::Release& release) {
  Needs needs;
  std::set<std::string> directories;
  for (const auto& file : release.files) {
    needs.largest = std::max(needs.largest, file.size);
    for (fs::path at = fs::path(file.path).parent_path(); !at.empty() && directories.insert(at.string()).second;) at = at.parent_path();
  }
  needs.bytes = release.total_size();
  needs.files = release.files.size() + directories.size();
  return needs;
}

bool same_file_system(const fs::path& a, const fs::path& b) {
  struct stat first {};
  struct stat second {};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev;
}

fs::path staging_for(const Shelf& shelf, const fs::path& target, const ReleaseId& id) {
  const fs::path incoming = shelf.incoming(id);
  const bool near = same_file_system(shelf.state(), target.parent_path()) && make_directories(incoming.parent_path()).ok();
  if (near && can_rename_between(incoming.parent_path(), target.parent_path())) return incoming;
  return target.parent_path() / ("." + target.filename().string() + short_name(id));
}

Result<PullPlace> choose_place(const Shelf& shelf, const std::optional<fs::path>& to, const ReleaseId& id) {
  if (!to) return PullPlace{shelf.incoming(id), shelf.release(id), shelf.holds(id)};
  fs::path target = fs::absolute(*to).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  SHOAL_TRY(target, resolved(target));
  std::error_code error;
  const bool is_there = fs::exists(target, error);
  if (is_there && !(fs::is_directory(target, error) && holds_nothing(target)))
    return fail(ErrorCode::usage, target.string() + " is not an empty directory: choose another for --to, or move it away");
  if (is_there && must_be_filled(target)) {
    SHOAL_CHECK(check_may_write(target, target));
    return PullPlace{target / short_name(id), target, false, true};
  }
  SHOAL_CHECK(make_directories(target.parent_path()).within(target.string()));
  SHOAL_CHECK(check_may_write(target.parent_path(), target));
  return PullPlace{staging_for(shelf, target, id), target, false, false};
}

}  // namespace shoal::node
