// Finds out, before the first byte, whether files can be put where the user wants them.
#pragma once

#include "base/files.hpp"

namespace shoal::node {

/// A file system begins here: what is here cannot be replaced by a rename, only filled.
bool is_mount_point(const fs::path& directory);
/// Whether a rename leads from one directory to the other: it is tried. Two mounts of one file system look alike and are apart.
bool can_rename_between(const fs::path& from, const fs::path& to);

/// Whether `directory` lets this user make entries in it. `wanted` is what the user asked for, which the error names.
Status check_may_write(const fs::path& directory, const fs::path& wanted);

struct Needs {
  ByteCount bytes = 0;
  std::uint64_t files = 0;  // directories too
  ByteCount largest = 0;    // file
};

/// How much a file system, a quota or a process still allows; the maximum where that is unknown or without a limit.
struct Room {
  ByteCount free = UINT64_MAX;
  std::uint64_t free_files = UINT64_MAX;
  ByteCount quota = UINT64_MAX;
  std::uint64_t quota_files = UINT64_MAX;
  ByteCount largest = UINT64_MAX;
};

Result<Room> room_at(const fs::path& directory);
/// Pure. `directory` is the name for people. Code `no_space`: space, file entries (inodes), the quota of this user or group, the largest
/// file.
Status check_room(const Needs& needs, const Room& room, const std::string& directory);

}  // namespace shoal::node
