#include "swarm/content_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal::swarm {
namespace {

Status check_source_file(const fs::path& path, ByteCount size) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    Error error = fail_errno(path.string(), errno);
    return fail(ErrorCode::verification, std::move(error.message));
  }
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::verification, path.string() + " is not a regular file");
  if (static_cast<ByteCount>(info.st_size) == size) return {};
  return fail(ErrorCode::verification, path.string() + " is " + std::to_string(info.st_size) + " bytes, should be " + std::to_string(size) +
                                           ": it has changed since it was published");
}

Status cut_file(const fs::path& path, ByteCount size) {
  SHOAL_TRY(UniqueFd fd, open_file(path, O_WRONLY | O_NOFOLLOW));
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return fail_errno("cannot cut " + path.string(), errno);
  return {};
}

Status prepare_file(const fs::path& path, ByteCount size) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return fail_errno(path.string(), errno);
    SHOAL_CHECK(make_directories(path.parent_path()));
    if (size != 0) return {};
    SHOAL_CHECK(open_file(path, O_WRONLY | O_CREAT | O_NOFOLLOW));
    return {};
  }
  if (!S_ISREG(info.st_mode)) return fail(path.string() + " is in the way and is not a regular file: remove it");
  if (static_cast<ByteCount>(info.st_size) > size) return cut_file(path, size);
  return {};
}

}  // namespace

Status check_source(const fs::path& root, const store::Layout& layout) {
  for (const auto& file : layout.files()) SHOAL_CHECK(check_source_file(root / file.path, file.size));
  return {};
}

Status prepare_target(const fs::path& root, const store::Layout& layout) {
  SHOAL_CHECK(make_directories(root));
  for (const auto& file : layout.files()) SHOAL_CHECK(prepare_file(root / file.path, file.size));
  return {};
}

}  // namespace shoal::swarm
