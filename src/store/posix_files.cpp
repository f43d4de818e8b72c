#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <vector>

#include "store/file_layer.hpp"
#include "store/source_file.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t most_buffers = 1024;         // IOV_MAX
constexpr std::uintptr_t direct_alignment = 4096;  // no disk's logical block is larger

/// Drops what was transferred from the front of the buffers.
void advance(std::span<iovec>& buffers, std::size_t bytes) {
  while (!buffers.empty() && bytes >= buffers.front().iov_len) {
    bytes -= buffers.front().iov_len;
    buffers = buffers.subspan(1);
  }
  if (bytes == 0) return;
  buffers.front().iov_base = static_cast<char*>(buffers.front().iov_base) + bytes;
  buffers.front().iov_len -= bytes;
}

/// Repeats preadv or pwritev until all buffers are done, the file ends or something fails.
template <class Call>
IoResult transfer(std::span<iovec> buffers, ByteCount offset, Call call) {
  IoResult result;
  while (!buffers.empty()) {
    const auto some = buffers.first(std::min(buffers.size(), most_buffers));
    const ssize_t done = call(some.data(), static_cast<int>(some.size()), static_cast<off_t>(offset + result.bytes));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) result.error = errno;
    if (done <= 0) return result;
    result.bytes += static_cast<std::size_t>(done);
    advance(buffers, static_cast<std::size_t>(done));
  }
  return result;
}

std::size_t total(std::span<const iovec> buffers) {
  std::size_t sum = 0;
  for (const iovec& buffer : buffers) sum += buffer.iov_len;
  return sum;
}

bool is_aligned(std::uintptr_t value) { return value % direct_alignment == 0; }

/// How many of the buffers, from the first, may be written around the page cache.
std::size_t direct_buffers(ByteCount offset, std::span<const iovec> buffers) {
  if (!is_aligned(offset)) return 0;
  const auto odd = [](const iovec& b) { return !is_aligned(reinterpret_cast<std::uintptr_t>(b.iov_base)) || !is_aligned(b.iov_len); };
  return static_cast<std::size_t>(std::find_if(buffers.begin(), buffers.end(), odd) - buffers.begin());
}

/// Writes of aligned memory to aligned places go around the page cache (O_DIRECT) where the file system can do that: what a node
/// fetches is read again much later, and by the processor's account the page cache is the dearest part of a write
/// (docs/performance.md). All else goes through `fd`, and so do all reads; the kernel keeps the two consistent.
class DirectWriter {
 public:
  explicit DirectWriter(int file) : file_(file) {}

  /// The bytes written of the buffers' aligned beginning. An error that is not about the disk ends direct writing for this file.
  IoResult write(ByteCount offset, std::span<iovec> buffers) {
    const auto aligned = buffers.first(direct_buffers(offset, buffers));
    if (refused_ || total(aligned) < least_direct) return {};
    // Small files and those that are only read never need the second descriptor.
    std::call_once(opened_, [this] { open(); });
    if (!fd_) return {};
    IoResult result = transfer(aligned, offset, [fd = fd_.get()](const iovec* v, int n, off_t at) { return ::pwritev(fd, v, n, at); });
    if (result.error != EINVAL) return result;
    refused_ = true;
    return {result.bytes, 0};
  }

 private:
  static constexpr std::size_t least_direct = 64 * KiB;  // below, the page cache gathers better
  /// None where the file system knows no direct writes.
  void open() { fd_ = UniqueFd(::open(("/proc/self/fd/" + std::to_string(file_)).c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC)); }

  const int file_;
  std::once_flag opened_;
  UniqueFd fd_;
  std::atomic<bool> refused_{false};
};

class PosixFile final : public File {
 public:
  PosixFile(UniqueFd fd, fs::path path, OpenMode mode) : fd_(std::move(fd)), path_(std::move(path)) {
    if (mode != OpenMode::read) direct_.emplace(fd_.get());
  }

  IoResult read(ByteCount offset, std::span<iovec> into) override {
    return transfer(into, offset, [fd = fd_.get()](const iovec* v, int n, off_t at) { return ::preadv(fd, v, n, at); });
  }

  IoResult write(ByteCount offset, std::span<iovec> from) override {
    const std::size_t wanted = total(from);
    std::vector<iovec> rest(from.begin(), from.end());  // `transfer` consumes
    IoResult result = direct_ ? direct_->write(offset, from) : IoResult{};
    if (result.error != 0) return result;
    std::span<iovec> left(rest);
    advance(left, result.bytes);
    const ByteCount at = offset + result.bytes;
    const IoResult tail = transfer(left, at, [fd = fd_.get()](const iovec* v, int n, off_t to) { return ::pwritev(fd, v, n, to); });
    result = {result.bytes + tail.bytes, tail.error};
    if (result.error == 0 && result.bytes != wanted) result.error = EIO;
    return result;
  }

  int sync() override { return ::fdatasync(fd_.get()) == 0 ? 0 : errno; }

  Result<FileStamp> stamp() override {
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) return fail_errno(shown(path_), errno);
    return stamp_from(info, path_);
  }

  int reserve(ByteCount offset, ByteCount length) override {
    int result;
    do result = ::fallocate(fd_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(length));
    while (result != 0 && errno == EINTR);
    // A file system that cannot reserve says so when a write fails.
    return result == 0 || errno == EOPNOTSUPP || errno == ENOSYS ? 0 : errno;
  }

  int resize(ByteCount size) override {
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) return errno;
    if (static_cast<ByteCount>(info.st_size) == size) return 0;
    return ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0 ? 0 : errno;
  }

  int clone(File& from, ByteCount from_offset, ByteCount offset, ByteCount length) override {
    auto* source = dynamic_cast<PosixFile*>(&from);
    if (source == nullptr) return EXDEV;
    file_clone_range range{};
    range.src_fd = source->fd_.get();
    range.src_offset = from_offset;
    range.src_length = length;
    range.dest_offset = offset;
    return ::ioctl(fd_.get(), FICLONERANGE, &range) == 0 ? 0 : errno;
  }

  void drop_cache(ByteCount offset, ByteCount length) override {
    ::posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length), POSIX_FADV_DONTNEED);
  }

  bool is_hole(ByteCount offset, ByteCount length) override {
    const off_t data = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
    if (data < 0) return errno == ENXIO;  // no data from here to the end
    return static_cast<ByteCount>(data) >= offset + length;
  }

 private:
  const UniqueFd fd_;
  const fs::path path_;
  std::optional<DirectWriter> direct_;  // of a file that is written
};

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(UniqueFd fd, fs::path path, DirectoryId id) : fd_(std::move(fd)), path_(std::move(path)), id_(id) {}

  Result<std::shared_ptr<File>> open(const fs::path& path, OpenMode mode) override {
    if (mode == OpenMode::create) SHOAL_CHECK(make_parents(path));
    UniqueFd fd(open_at(path, mode));
    if (!fd) return fail_errno(shown(path_ / path), errno);
    return std::shared_ptr<File>(std::make_shared<PosixFile>(std::move(fd), path_ / path, mode));
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) == 0) return {};
    return fail_errno("cannot rename " + shown(path_ / from), errno);
  }

  Status sync() override {
    // The directory is held with O_PATH, which cannot be synced.
    UniqueFd fd(::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd && ::fsync(fd.get()) == 0) return {};
    return fail_errno("cannot sync " + shown(path_), errno);
  }

  DirectoryId id() const override { return id_; }

 private:
  int open_at(const fs::path& path, OpenMode mode) const {
    if (mode == OpenMode::create) return ::openat(fd_.get(), path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (mode == OpenMode::update) return ::openat(fd_.get(), path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    // O_NONBLOCK: a FIFO that took the file's place must not hold us up. O_NOATIME is for owners only.
    constexpr int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
    const int fd = ::openat(fd_.get(), path.c_str(), flags | O_NOATIME);
    return fd >= 0 || errno != EPERM ? fd : ::openat(fd_.get(), path.c_str(), flags);
  }

  Status make_parents(const fs::path& path) const {
    fs::path parent;
    for (const auto& part : path.parent_path()) {
      parent /= part;
      if (::mkdirat(fd_.get(), parent.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno("cannot make " + shown(path_ / parent), errno);
    }
    return {};
  }

  const UniqueFd fd_;
  const fs::path path_;
  const DirectoryId id_;
};

}  // namespace

Result<std::unique_ptr<Directory>> PosixFiles::open_directory(const fs::path& path) {
  SHOAL_TRY(UniqueFd fd, open_file(path, O_PATH | O_DIRECTORY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno(shown(path), errno);
  return std::unique_ptr<Directory>(std::make_unique<PosixDirectory>(std::move(fd), path, DirectoryId{info.st_dev, info.st_ino}));
}

int read_exactly(File& file, ByteCount offset, char* data, std::size_t length) {
  iovec buffer{data, length};
  const IoResult result = file.read(offset, {&buffer, 1});
  if (result.error != 0) return result.error;
  return result.bytes == length ? 0 : EIO;
}

int write_exactly(File& file, ByteCount offset, const char* data, std::size_t length) {
  iovec buffer{const_cast<char*>(data), length};
  return file.write(offset, {&buffer, 1}).error;
}

}  // namespace shoal::store
