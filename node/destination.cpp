#include "node/destination.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace shoal::node {
namespace {

/// Kept free beside the checkpoint, so that a fetch does not fill a disk to its last byte.
constexpr ByteCount space_margin = 16 * MiB;
constexpr std::uint64_t files_margin = 16;
constexpr ByteCount largest_on_fat = 4 * GiB - 1;

fs::path probe_in(const fs::path& directory) { return directory / (".shoal-try-" + std::to_string(::getpid())); }

/// Quotas that the kernel tells this user of; others count as none.
void look_at_quota(int directory, int kind, unsigned id, Room& room) {
#ifdef SYS_quotactl_fd
  dqblk quota{};
  if (::syscall(SYS_quotactl_fd, directory, QCMD(Q_GETQUOTA, kind), id, &quota) != 0) return;
  auto left = [](std::uint64_t limit, std::uint64_t used) { return limit - std::min(limit, used); };
  if (quota.dqb_bhardlimit != 0) room.quota = std::min(room.quota, left(quota.dqb_bhardlimit * KiB, quota.dqb_curspace));
  if (quota.dqb_ihardlimit != 0) room.quota_files = std::min(room.quota_files, left(quota.dqb_ihardlimit, quota.dqb_curinodes));
#else
  static_cast<void>(directory), static_cast<void>(kind), static_cast<void>(id), static_cast<void>(room);
#endif
}

ByteCount largest_file(const struct statfs& info) {
  rlimit limit{};
  ByteCount largest = UINT64_MAX;
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) largest = limit.rlim_cur;
  return info.f_type == MSDOS_SUPER_MAGIC ? std::min(largest, largest_on_fat) : largest;
}

Error no_room(const std::string& directory, const std::string& what) { return fail(ErrorCode::no_space, directory + ": " + what); }

}  // namespace

bool is_mount_point(const fs::path& directory) {
  struct statx info {};
  if (::statx(AT_FDCWD, directory.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info) != 0) return false;
  if ((info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0) return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  struct stat here {};
  struct stat above {};
  return ::stat(directory.c_str(), &here) == 0 && ::stat((directory / "..").c_str(), &above) == 0 && here.st_dev != above.st_dev;
}

bool can_rename_between(const fs::path& from, const fs::path& to) {
  const fs::path probe = probe_in(from), there = probe_in(to).string() + "-there";
  if (::mkdir(probe.c_str(), 0700) != 0 && errno != EEXIST) return false;
  const bool moved = ::rename(probe.c_str(), there.c_str()) == 0;
  ::rmdir(moved ? there.c_str() : probe.c_str());
  return moved;
}

Status check_may_write(const fs::path& directory, const fs::path& wanted) {
  if (::access(directory.c_str(), W_OK | X_OK) == 0) return {};
  const int error = errno;
  Error refused = fail_errno(wanted.string(), error);
  refused.message += directory == wanted ? "" : " (" + directory.string() + " takes no new entries)";
  refused.message += error == EROFS ? ": choose another place, or mount it writable" : ": choose another place, or change its permissions";
  return refused;
}

Result<Room> room_at(const fs::path& directory) {
  SHOAL_TRY(UniqueFd fd, open_file(directory, O_RDONLY | O_DIRECTORY));
  struct statvfs space {};
  struct statfs kind {};
  if (::fstatvfs(fd.get(), &space) != 0 || ::fstatfs(fd.get(), &kind) != 0) return fail_errno(directory.string(), errno);
  Room room;
  room.free = static_cast<ByteCount>(space.f_bavail) * space.f_frsize;
  if (space.f_files > 0) room.free_files = space.f_favail;  // 0: file entries are made as they are needed
  room.largest = largest_file(kind);
  look_at_quota(fd.get(), USRQUOTA, ::geteuid(), room);
  look_at_quota(fd.get(), GRPQUOTA, ::getegid(), room);
  return room;
}

Status check_room(const Needs& needs, const Room& room, const std::string& directory) {
  const std::string bytes = format_bytes(needs.bytes) + " are needed and ",
                    files = std::to_string(needs.files) + " new files are needed and ";
  if (room.free < needs.bytes + space_margin)
    return no_room(directory, bytes + format_bytes(room.free) + " are free: make room, or give --state or --to on another disk");
  if (room.quota < needs.bytes)
    return no_room(directory, bytes + "the quota leaves " + format_bytes(room.quota) + ": raise it, or give --state or --to elsewhere");
  if (room.free_files < needs.files + files_margin)
    return no_room(directory, files + std::to_string(room.free_files) +
                                  " file entries (inodes) are free: remove files, or give --state or --to on another disk");
  if (room.quota_files < needs.files)
    return no_room(directory,
                   files + "the quota leaves " + std::to_string(room.quota_files) + ": raise it, or give --state or --to elsewhere");
  if (room.largest < needs.largest)
    return no_room(directory, "the largest file has " + format_bytes(needs.largest) + ", and a file may have " +
                                  format_bytes(room.largest) + " here: choose another file system, or raise the limit (ulimit -f)");
  return {};
}

}  // namespace shoal::node
