#include "node/pull_place.hpp"

#include <sys/stat.h>

namespace shoal::node {
namespace {

/// Kept free beside the checkpoint, so that a fetch does not fill a disk to its last byte.
constexpr ByteCount space_margin = 16 * MiB;

bool is_empty_or_absent(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return true;
  return fs::is_directory(path, error) && fs::is_empty(path, error);
}

/// Bytes on disk below `root`, so that a fetch that goes on is not asked for space that it has already.
ByteCount bytes_held(const fs::path& root) {
  ByteCount held = 0;
  // Files that cannot be read count as absent: the check then asks for more space than needed, not less.
  (void)walk_tree(root, [&](const fs::directory_entry& entry) -> Status {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) == 0 && S_ISREG(info.st_mode)) held += static_cast<ByteCount>(info.st_blocks) * 512;
    return {};
  });
  return held;
}

}  // namespace

Status check_space(const fs::path& root, const fs::path& directory, ByteCount size) {
  ByteCount held = bytes_held(root);
  ByteCount needed = size > held ? size - held : 0;
  SHOAL_TRY(ByteCount available, free_space(root));
  if (available >= needed + space_margin) return {};
  return fail(ErrorCode::no_space, directory.string() + ": " + format_bytes(needed) + " are needed and " + format_bytes(available) +
                                       " are free: make room, or give --state or --to on another disk");
}

bool same_file_system(const fs::path& a, const fs::path& b) {
  struct stat first {};
  struct stat second {};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev;
}

fs::path staging_for(const Shelf& shelf, const fs::path& target, const ReleaseId& id) {
  if (same_file_system(shelf.state(), target.parent_path())) return shelf.incoming(id);
  return target.parent_path() / ("." + target.filename().string() + ".shoal-" + id.hex().substr(0, 12));
}

Result<PullPlace> choose_place(const Shelf& shelf, const std::optional<fs::path>& to, const ReleaseId& id) {
  if (!to) return PullPlace{shelf.incoming(id), shelf.release(id), shelf.holds(id)};
  fs::path target = fs::absolute(*to).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  if (!is_empty_or_absent(target))
    return fail(ErrorCode::usage, target.string() + " is not an empty directory: choose another for --to, or move it away");
  SHOAL_CHECK(make_directories(target.parent_path()));
  return PullPlace{staging_for(shelf, target, id), target, false};
}

}  // namespace shoal::node
