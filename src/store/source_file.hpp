// A file that is read once from start to end and must not change meanwhile. Internal to the store.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "base/files.hpp"

namespace shoal::store {

/// A path as it may stand in a message: whole, but for control characters.
std::string shown(const fs::path& path);

/// What tells one state of a file from another without reading it.
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

class SourceFile {
 public:
  /// Opens for one sequential reading, without touching the access time where the system allows that.
  static Result<SourceFile> open(const fs::path& path);
  Result<FileStamp> stamp() const;
  /// Reads exactly `into.size()` bytes at `offset`, or up to the end of the file; returns how many.
  Result<std::size_t> read(ByteCount offset, std::span<char> into) const;

 private:
  SourceFile(fs::path path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  fs::path path_;
  UniqueFd fd_;
};

}  // namespace shoal::store
