// A file server on a bad day, for LD_PRELOAD: what happens to paths below $BAD_NAS is told by files beside it, which tests make and remove.
//   $BAD_NAS.hangs  nothing is answered     $BAD_NAS.stale  ESTALE     $BAD_NAS.broken  reads say EIO     $BAD_NAS.gone  ENOENT
// $BAD_NAS.count, where it is there and 8 bytes long, is a number in the machine's byte order: the bytes that were read.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr int most_files = 65536;
std::atomic<bool> below[most_files];  // by file descriptor

const char* root() {
  static const char* const path = getenv("BAD_NAS");
  return path;
}

bool flagged(const char* ending) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s%s", root(), ending);
  return syscall(SYS_access, path, F_OK) == 0;
}

bool is_below(const char* path) {
  if (path == nullptr || root() == nullptr) return false;
  const size_t length = strlen(root());
  return strncmp(path, root(), length) == 0 && (path[length] == '/' || path[length] == 0);
}

/// Whether the call fails, with errno set. Waits as long as the server hangs.
bool fails(bool reads) {
  while (flagged(".hangs")) usleep(20'000);
  int error = 0;
  if (flagged(".stale")) error = ESTALE;
  else if (flagged(".gone")) error = ENOENT;
  else if (reads && flagged(".broken")) error = EIO;
  errno = error;
  return error != 0;
}

bool fails_at(int directory, const char* path) {
  if (path != nullptr && path[0] != '/' && directory >= 0 && directory < most_files) return below[directory] && fails(false);
  return is_below(path) && fails(false);
}

bool fails_to_read(int fd) { return fd >= 0 && fd < most_files && below[fd] && fails(true); }

std::atomic<unsigned long>* counter() {
  static std::atomic<unsigned long>* const mapped = []() -> std::atomic<unsigned long>* {
    if (root() == nullptr) return nullptr;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.count", root());
    const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC));
    if (fd < 0) return nullptr;
    void* memory = mmap(nullptr, sizeof(unsigned long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    return memory == MAP_FAILED ? nullptr : static_cast<std::atomic<unsigned long>*>(memory);
  }();
  return mapped;
}

ssize_t counted(int fd, ssize_t got) {
  if (got > 0 && fd >= 0 && fd < most_files && below[fd] && counter() != nullptr) *counter() += static_cast<unsigned long>(got);
  return got;
}

int open_below(int directory, const char* path, int flags, mode_t mode) {
  if (fails_at(directory, path)) return -1;
  const int fd = static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
  const bool inherits = path != nullptr && path[0] != '/' && directory >= 0 && directory < most_files && below[directory];
  if (fd >= 0 && fd < most_files) below[fd] = inherits || is_below(path);
  return fd;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define MODE_OF(flags)                     \
  mode_t mode = 0;                         \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { \
    va_list rest;                          \
    va_start(rest, flags);                 \
    mode = va_arg(rest, mode_t);           \
    va_end(rest);                          \
  }

extern "C" {
int open(const char* path, int flags, ...) { MODE_OF(flags) return open_below(AT_FDCWD, path, flags, mode); }
int open64(const char* path, int flags, ...) { MODE_OF(flags) return open_below(AT_FDCWD, path, flags, mode); }
int openat(int directory, const char* path, int flags, ...) { MODE_OF(flags) return open_below(directory, path, flags, mode); }
int openat64(int directory, const char* path, int flags, ...) { MODE_OF(flags) return open_below(directory, path, flags, mode); }
int close(int fd) {
  if (fd >= 0 && fd < most_files) below[fd] = false;
  return static_cast<int>(syscall(SYS_close, fd));
}
ssize_t pread(int fd, void* to, size_t size, off_t at) {
  return fails_to_read(fd) ? -1 : counted(fd, syscall(SYS_pread64, fd, to, size, at));
}
ssize_t pread64(int fd, void* to, size_t size, off64_t at) { return pread(fd, to, size, at); }
ssize_t preadv(int fd, const iovec* to, int count, off_t at) {
  return fails_to_read(fd) ? -1 : counted(fd, syscall(SYS_preadv, fd, to, count, at, 0));
}
ssize_t preadv64(int fd, const iovec* to, int count, off64_t at) { return preadv(fd, to, count, at); }
ssize_t read(int fd, void* to, size_t size) { return fails_to_read(fd) ? -1 : counted(fd, syscall(SYS_read, fd, to, size)); }
DIR* opendir(const char* path) { return is_below(path) && fails(false) ? nullptr : next<DIR*(const char*)>("opendir")(path); }
int fstatat(int directory, const char* path, struct stat* info, int flags) noexcept {
  if (fails_at(directory, path)) return -1;
  return static_cast<int>(syscall(SYS_newfstatat, directory, path, info, flags));
}
int fstatat64(int directory, const char* path, struct stat64* info, int flags) noexcept {
  return fstatat(directory, path, reinterpret_cast<struct stat*>(info), flags);
}
int fstat(int fd, struct stat* info) noexcept {
  if (fd >= 0 && fd < most_files && below[fd] && fails(false)) return -1;
  return static_cast<int>(syscall(SYS_fstat, fd, info));
}
int fstat64(int fd, struct stat64* info) noexcept { return fstat(fd, reinterpret_cast<struct stat*>(info)); }
int stat(const char* path, struct stat* info) noexcept { return fstatat(AT_FDCWD, path, info, 0); }
int stat64(const char* path, struct stat64* info) noexcept { return fstatat64(AT_FDCWD, path, info, 0); }
int lstat(const char* path, struct stat* info) noexcept { return fstatat(AT_FDCWD, path, info, AT_SYMLINK_NOFOLLOW); }
int lstat64(const char* path, struct stat64* info) noexcept { return fstatat64(AT_FDCWD, path, info, AT_SYMLINK_NOFOLLOW); }
int statx(int directory, const char* path, int flags, unsigned mask, struct statx* info) noexcept {
  if (fails_at(directory, path)) return -1;
  return static_cast<int>(syscall(SYS_statx, directory, path, flags, mask, info));
}
}
