// Files, with the durability that each call promises in its comment. All calls block; all errors name the path.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "base/units.hpp"

namespace shoal {

namespace fs = std::filesystem;

/// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset(int fd = -1);
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC added; `mode` is used with O_CREAT.
Result<UniqueFd> open_file(const fs::path& path, int flags, unsigned mode = 0644);

/// The whole file; longer than `limit` is an error, so that a hostile file cannot fill memory.
Result<std::string> read_file(const fs::path& path, ByteCount limit);

/// Who may read a file that is written.
enum class Access : unsigned { owner = 0600, everyone = 0644 };

/// Replaces the file in one step: temporary file beside it, fdatasync, rename, fsync of the directory. After a crash the
/// path holds the old content or the new, whole.
Status write_file_durably(const fs::path& path, std::string_view content, Access access = Access::everyone);
/// The same, but fails with `conflict` if the file exists.
Status create_file_durably(const fs::path& path, std::string_view content, Access access = Access::everyone);

/// mkdir -p; new directories get `mode`.
Status make_directories(const fs::path& path, unsigned mode = 0755);
/// Visits what is below a directory, each directory before what is in it, until a visit fails; symbolic links are not followed. Holds one
/// directory open at a time, however deep the tree is. Code `not_found` where `root` does not exist.
Status walk_tree(const fs::path& root, const std::function<Status(const fs::directory_entry&)>& visit);
/// rm -r; a path that does not exist is fine.
Status remove_tree(const fs::path& path);
/// fsync(2) of a directory: makes the names in it durable.
Status sync_directory(const fs::path& path);
/// rename(2), then fsync of both parents.
Status rename_durably(const fs::path& from, const fs::path& to);
/// Points the symbolic link `link` at `target` in one atomic rename, durably. `target` is stored as it is given.
Status switch_link(const fs::path& target, const fs::path& link);
/// Bytes that this process may still write on the file system of `path`.
Result<ByteCount> free_space(const fs::path& path);
/// The same, with the size of the file system.
struct DiskSpace {
  ByteCount free = 0, size = 0;
};
Result<DiskSpace> disk_space(const fs::path& path);

/// A directory that is removed with everything in it when the object goes.
class TempDirectory {
 public:
  /// Under $TMPDIR or /tmp.
  TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory();
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace shoal
