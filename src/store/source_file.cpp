#include "store/source_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/encoding.hpp"
#include "base/read_range.hpp"
#include "store/snapshot_link.hpp"

namespace shoal::store {
namespace {

Error stat_error(const fs::path& path, int error_number) {
  Error error = fail_errno(shown(path), error_number);
  if (error_number == ENOTDIR) error.code = ErrorCode::not_found;
  return error;
}

}  // namespace

std::string shown(const fs::path& path) { return printable(path.string(), 2 * 4096); }

Result<FileStamp> stamp_from(const struct stat& info, const fs::path& path) {
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::usage, shown(path) + " is not a regular file");
  constexpr std::int64_t second = 1'000'000'000;
  return FileStamp{static_cast<ByteCount>(info.st_size), info.st_mtim.tv_sec * second + info.st_mtim.tv_nsec, info.st_ino, info.st_dev};
}

Result<FileStamp> stamp_of(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return stat_error(path, errno);
  if (!S_ISLNK(info.st_mode)) return stamp_from(info, path);
  const auto target = target_of_snapshot_link(path);
  if (target && ::lstat(target->c_str(), &info) != 0) return stat_error(*target, errno);
  return stamp_from(info, path);
}

std::string problem_at_sight(const fs::path& path, ByteCount size) {
  Result<FileStamp> stamp = stamp_of(path);
  if (!stamp.ok() && stamp.error().code == ErrorCode::not_found) return "missing";
  if (!stamp.ok() && stamp.error().code == ErrorCode::usage) return "is not a regular file";
  if (!stamp.ok()) return "cannot be read: " + stamp.error().message;
  if (stamp.value().size == size) return "";
  return "is " + std::to_string(stamp.value().size) + " bytes, should be " + std::to_string(size);
}

Result<SourceFile> SourceFile::open(const fs::path& path) {
  // O_NONBLOCK: a FIFO that took the file's place must not hold us up. O_NOATIME is for owners only.
  constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  const fs::path real = target_of_snapshot_link(path).value_or(path);
  Result<UniqueFd> fd = open_file(real, flags | O_NOATIME);
  if (!fd.ok()) fd = open_file(real, flags);
  if (!fd.ok()) return std::move(fd).error();
  ::posix_fadvise(fd.value().get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return SourceFile(path, std::move(fd).value());
}

Result<FileStamp> SourceFile::stamp() const {
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return stat_error(path_, errno);
  return stamp_from(info, path_);
}

Result<std::size_t> SourceFile::read(ByteCount offset, std::span<char> into) const {
  auto got = read_at(fd_, offset, into);
  if (!got.ok()) return fail(shown(path_) + " cannot be read: " + got.error().message);
  return got;
}

}  // namespace shoal::store
