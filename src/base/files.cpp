#include "base/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace shoal {
namespace {

Status write_all(int fd, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(path.string(), errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

fs::path temporary_beside(const fs::path& path) {
  static thread_local unsigned counter = 0;
  return parent_of(path) / ("." + path.filename().string() + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(::gettid()) + "." +
                            std::to_string(counter++));
}

Result<std::vector<fs::directory_entry>> entries_of(const fs::path& directory) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) entries.push_back(*it);
  if (error) return fail_errno(directory.string(), error.value());
  return entries;
}

Status remove_one(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) return fail_errno(path.string(), error.value());
  return {};
}

/// Writes and syncs a new file; removes it again if that fails.
Status write_new_file(const fs::path& path, std::string_view content, Access access) {
  SHOAL_TRY(UniqueFd fd, open_file(path, O_WRONLY | O_CREAT | O_EXCL, static_cast<unsigned>(access)));
  Status written = write_all(fd.get(), content, path);
  if (written.ok() && ::fdatasync(fd.get()) != 0) written = fail_errno(path.string(), errno);
  if (!written.ok()) ::unlink(path.c_str());
  return written;
}

}  // namespace

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<UniqueFd> open_file(const fs::path& path, int flags, unsigned mode) {
  int fd;
  do fd = ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode));
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail_errno(path.string(), errno);
  return UniqueFd(fd);
}

Result<std::string> read_file(const fs::path& path, ByteCount limit) {
  SHOAL_TRY(UniqueFd fd, open_file(path, O_RDONLY));
  std::string content;
  char buffer[65536];
  while (true) {
    ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(path.string(), errno);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > limit) return fail(path.string() + ": larger than " + format_bytes(limit));
  }
}

Status write_file_durably(const fs::path& path, std::string_view content, Access access) {
  fs::path temporary = temporary_beside(path);
  SHOAL_CHECK(write_new_file(temporary, content, access));
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    int error_number = errno;
    ::unlink(temporary.c_str());
    return fail_errno(path.string(), error_number);
  }
  return sync_directory(parent_of(path));
}

Status create_file_durably(const fs::path& path, std::string_view content, Access access) {
  fs::path temporary = temporary_beside(path);
  SHOAL_CHECK(write_new_file(temporary, content, access));
  int linked = ::link(temporary.c_str(), path.c_str());
  int error_number = errno;
  ::unlink(temporary.c_str());
  if (linked != 0 && error_number == EEXIST) return fail(ErrorCode::conflict, path.string() + " exists already");
  if (linked != 0) return fail_errno(path.string(), error_number);
  return sync_directory(parent_of(path));
}

Status make_directories(const fs::path& path, unsigned mode) {
  fs::path so_far;
  for (const auto& part : path) {
    so_far /= part;
    if (::mkdir(so_far.c_str(), static_cast<mode_t>(mode)) == 0 || errno == EEXIST || errno == EISDIR) continue;
    return fail_errno(so_far.string(), errno);
  }
  std::error_code error;
  if (!fs::is_directory(path, error)) return fail(path.string() + " is not a directory");
  return {};
}

Status walk_tree(const fs::path& root, const std::function<Status(const fs::directory_entry&)>& visit) {
  std::vector<fs::path> waiting{root};
  while (!waiting.empty()) {
    const fs::path directory = std::move(waiting.back());
    waiting.pop_back();
    SHOAL_TRY(const auto entries, entries_of(directory));
    for (const auto& entry : entries) {
      std::error_code ignored;
      const bool below = fs::is_directory(entry.symlink_status(ignored));
      SHOAL_CHECK(visit(entry));
      if (below) waiting.push_back(entry.path());
    }
  }
  return {};
}

Status remove_tree(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return {};
  if (status.type() != fs::file_type::directory) return remove_one(path);
  std::vector<fs::path> directories{path};
  SHOAL_CHECK(walk_tree(path, [&](const fs::directory_entry& entry) -> Status {
    std::error_code ignored;
    if (!fs::is_directory(entry.symlink_status(ignored))) return remove_one(entry.path());
    directories.push_back(entry.path());
    return {};
  }));
  for (auto it = directories.rbegin(); it != directories.rend(); ++it) SHOAL_CHECK(remove_one(*it));
  return {};
}

Status sync_directory(const fs::path& path) {
  SHOAL_TRY(UniqueFd fd, open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return fail_errno(path.string(), errno);
  return {};
}

Status rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno(from.string() + " -> " + to.string(), errno);
  SHOAL_CHECK(sync_directory(parent_of(to)));
  if (parent_of(from) != parent_of(to)) return sync_directory(parent_of(from));
  return {};
}

Status switch_link(const fs::path& target, const fs::path& link) {
  fs::path temporary = temporary_beside(link);
  if (::symlink(target.c_str(), temporary.c_str()) != 0) return fail_errno(temporary.string(), errno);
  if (::rename(temporary.c_str(), link.c_str()) != 0) {
    int error_number = errno;
    ::unlink(temporary.c_str());
    return fail_errno(link.string(), error_number);
  }
  return sync_directory(parent_of(link));
}

Result<DiskSpace> disk_space(const fs::path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return fail_errno(path.string(), errno);
  return DiskSpace{static_cast<ByteCount>(info.f_bavail) * info.f_frsize, static_cast<ByteCount>(info.f_blocks) * info.f_frsize};
}

Result<ByteCount> free_space(const fs::path& path) {
  SHOAL_TRY(DiskSpace space, disk_space(path));
  return space.free;
}

TempDirectory::TempDirectory() {
  const char* base = std::getenv("TMPDIR");
  std::string name = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/shoal-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory " + name);
  path_ = name;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace shoal
