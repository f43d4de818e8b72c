#include "base/read_range.hpp"

#include <unistd.h>

#include <cerrno>

namespace shoal {
namespace {

/// The bytes that were read, or -1 with errno set.
ssize_t read_all(int fd, ByteCount offset, std::span<char> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace

Result<std::size_t> read_at(const UniqueFd& file, ByteCount offset, std::span<char> into) {
  const ssize_t got = read_all(file.get(), offset, into);
  if (got < 0) return fail_errno("read", errno);
  return static_cast<std::size_t>(got);
}

Result<std::string> read_range(const UniqueFd& file, const fs::path& path, ByteCount offset, ByteCount length) {
  std::string bytes(length, '\0');
  const ssize_t got = read_all(file.get(), offset, bytes);
  if (got < 0) return fail_errno(path.string(), errno);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

}  // namespace shoal
