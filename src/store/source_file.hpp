// A file that is read once from start to end and must not change meanwhile. Internal to the store.
#pragma once

#include <sys/stat.h>

#include <span>
#include <string>

#include "store/file_stamp.hpp"

namespace shoal::store {

/// A path as it may stand in a message: whole, but for control characters.
std::string shown(const fs::path& path);
/// Code `usage` for anything but a regular file.
Result<FileStamp> stamp_from(const struct stat& info, const fs::path& path);

/// Why a file cannot be what a release lists, without reading it; empty where nothing speaks against it.
std::string problem_at_sight(const fs::path& path, ByteCount size);

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
