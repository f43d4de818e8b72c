// What tells one state of a file from another without reading it.
#pragma once

#include <sys/types.h>

#include "base/files.hpp"

namespace shoal::store {

struct FileStamp {
  ByteCount size = 0;
  std::int64_t mtime_ns = 0;  // nanoseconds since the epoch
  ino_t inode = 0;
  dev_t device = 0;
  bool operator==(const FileStamp&) const = default;
};

/// The stamp of a regular file; symlinks are not followed. Code `not_found` where there is none, `usage` for anything else than
/// a regular file.
Result<FileStamp> stamp_of(const fs::path& path);

}  // namespace shoal::store
