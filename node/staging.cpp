#include "node/staging.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>

#include "node/shelf.hpp"

namespace shoal::node {
namespace {

constexpr mode_t ours_alone = 0700;
constexpr int most_names = 16;

struct stat status_of(int fd) {
  struct stat info {};
  (void)::fstat(fd, &info);
  return info;
}

bool is_same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

/// `flags` as for fstatat(2): whether a link counts for what it points at.
bool leads_to(const fs::path& path, int directory, int flags) {
  struct stat info {};
  return ::fstatat(AT_FDCWD, path.c_str(), &info, flags) == 0 && is_same(info, status_of(directory));
}

bool is_at(const fs::path& path, int directory) { return leads_to(path, directory, AT_SYMLINK_NOFOLLOW); }

/// A file server may give what we make to another user than we are here: then the directory is ours if what we make in it has its owner.
bool is_ours(int directory) {
  const uid_t owner = status_of(directory).st_uid;
  if (owner == ::geteuid()) return true;
  constexpr const char* probe = ".shoal-owner";
  const UniqueFd file(::openat(directory, probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return false;
  ::unlinkat(directory, probe, 0);
  return status_of(file.get()).st_uid == owner;
}

/// Nothing where the name is taken by something that is not ours.
Result<std::optional<UniqueFd>> take(const fs::path& path) {
  if (::mkdir(path.c_str(), ours_alone) != 0 && errno != EEXIST) return fail_errno(path.string(), errno);
  auto directory = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory.ok()) return std::optional<UniqueFd>();
  if (!is_ours(directory->get())) return std::optional<UniqueFd>();
  if (::fchmod(directory->get(), ours_alone) != 0) return fail_errno(path.string(), errno);
  // Where directories cannot be locked (some network file systems), the lock on the state has to do.
  if (::flock(directory->get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return fail(ErrorCode::conflict, path.string() + ": another shoal is fetching into it");
  return std::optional<UniqueFd>(std::move(directory).value());
}

fs::path numbered(const fs::path& path, int number) {
  return number == 0 ? path : fs::path(path.string() + "-" + std::to_string(number + 1));
}

/// Where the file system cannot refuse to replace, the directory was seen to be empty, and that is enough.
Status move_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EINVAL && ::rename(from.c_str(), to.c_str()) == 0) return {};
  return fail_errno(to.string(), errno);
}

/// proc(5). umask(2) itself cannot be read without being changed for all threads.
mode_t file_creation_mask() {
  constexpr std::string_view label = "Umask:\t";
  unsigned mask = 022;
  const auto status = read_file("/proc/self/status", 64 * KiB);
  const std::size_t at = status.ok() ? status->find(label) : std::string::npos;
  if (at != std::string::npos) std::from_chars(status->data() + at + label.size(), status->data() + status->size(), mask, 8);
  return mask;
}

}  // namespace

Status link_or_copy(const fs::path& from, const fs::path& to) {
  SHOAL_CHECK(make_directories(to.parent_path()));
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (error) fs::copy_file(from, to, error);
  if (error) return fail_errno("cannot copy " + from.string() + " to " + to.string(), error.value());
  return {};
}

Result<Staging> Staging::open(const fs::path& wanted) {
  SHOAL_CHECK(make_directories(wanted.parent_path()));
  for (int number = 0; number < most_names; ++number) {
    const fs::path path = numbered(wanted, number);
    SHOAL_TRY(auto directory, take(path));
    if (!directory) continue;
    Staging staging(path, std::move(*directory));
    if (leads_to(staging.root(), staging.directory_.get(), 0)) return staging;
    staging.discard();
    return fail("/proc/self/fd does not lead to the files of this process: shoal fetches through it, so mount procfs on /proc");
  }
  return fail(ErrorCode::conflict, wanted.string() + " and the names like it belong to others: remove them, or fetch to another directory");
}

fs::path Staging::root() const { return "/proc/self/fd/" + std::to_string(directory_.get()); }

Status Staging::show_at(const fs::path& target) {
  if (!is_at(path_, directory_.get()))
    return fail(ErrorCode::verification, path_.string() + " is not the directory any more that the files were fetched into");
  if (::fchmod(directory_.get(), (status_of(directory_.get()).st_mode & S_ISGID) | (0777 & ~file_creation_mask())) != 0)
    return fail_errno(path_.string(), errno);
  SHOAL_CHECK(make_visible(path_, target));
  if (!is_at(target, directory_.get()))
    return fail(ErrorCode::verification, target.string() + " is not the directory that was verified: somebody put another in its place");
  path_ = target;
  return {};
}

Status Staging::show_in(const fs::path& target) {
  if (!is_at(path_, directory_.get()))
    return fail(ErrorCode::verification, path_.string() + " is not the directory any more that the files were fetched into");
  SHOAL_CHECK(sync_tree(path_));
  std::error_code error;
  for (fs::directory_iterator it(path_, error), end; !error && it != end; it.increment(error))
    SHOAL_CHECK(move_new(it->path(), target / it->path().filename()));
  if (error) return fail_errno(path_.string(), error.value());
  SHOAL_CHECK(sync_directory(target));
  discard();
  return {};
}

Error Staging::named(Error error, const fs::path& target) const {
  const std::string hidden = root().string(), shown = target.string();
  for (std::size_t at = error.message.find(hidden); at != std::string::npos; at = error.message.find(hidden, at + shown.size()))
    error.message.replace(at, hidden.size(), shown);
  return error;
}

Status Staging::empty() const {
  std::error_code error;
  for (fs::directory_iterator it(root(), error), end; !error && it != end; it.increment(error)) SHOAL_CHECK(remove_tree(it->path()));
  if (error) return fail_errno(path_.string(), error.value());
  return {};
}

void Staging::discard() {
  if (is_at(path_, directory_.get())) (void)remove_tree(path_);
}

}  // namespace shoal::node
