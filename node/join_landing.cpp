#include "node/join_landing.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/encoding.hpp"

namespace shoal::node {
namespace {

constexpr ByteCount room = 256 * KiB;  // more than certificate, trust root and their temporary files take
constexpr ByteCount key_limit = 64 * KiB;

fs::path identity_of(const fs::path& state) { return state / "identity"; }
fs::path key_file(const fs::path& state) { return identity_of(state) / "joining.pem"; }
fs::path room_file(const fs::path& state) { return identity_of(state) / "joining.room"; }

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

std::string user_name(uid_t user) {
  const passwd* entry = ::getpwuid(user);
  return entry == nullptr ? "user " + std::to_string(user) : entry->pw_name;
}

/// Whose the directory is, or the nearest one above it that can be seen.
std::string owner_of(fs::path path) {
  struct stat found {};
  while (::lstat(path.c_str(), &found) != 0 && path.has_relative_path()) path = path.parent_path();
  return user_name(found.st_uid);
}

/// What no error of the system says: who may write here, and how to become that.
Error advise(Error error, const fs::path& state) {
  if (error.code != ErrorCode::failed || ::geteuid() == 0) return error;
  std::string owner = owner_of(fs::absolute(state));
  error.message += "; this is " + user_name(::geteuid()) + ", and " + state.string() + " is for " + owner + ": run it with 'sudo -u " +
                   owner + "', or give --state a directory of your own. The token was not used";
  return error;
}

/// Files that a rename will replace must be files, and ours to replace.
Status check_replaceable(const fs::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return errno == ENOENT ? Status() : Status(fail_errno(path.string(), errno));
  if (!S_ISREG(found.st_mode)) return fail(path.string() + " is in the way: it is not a file");
  if (::geteuid() == 0 || found.st_uid == ::geteuid()) return {};
  return fail(path.string() + " belongs to " + user_name(found.st_uid));
}

Status make_identity(const fs::path& state) {
  SHOAL_CHECK(make_directories(identity_of(state), 0700));
  for (const char* name : {"credentials.pem", "trust-root.json", "fleet.json"}) SHOAL_CHECK(check_replaceable(identity_of(state) / name));
  return {};
}

}  // namespace

Result<JoinLanding> JoinLanding::prepare(const fs::path& state, const std::string& token_id) {
  const bool made = !is_there(state);
  auto remove_made = [&](Error error) {
    std::error_code ignored;
    fs::remove(room_file(state), ignored);
    if (!made) return advise(std::move(error), state);
    fs::remove(identity_of(state), ignored);
    fs::remove(state / "lock", ignored);
    fs::remove(state, ignored);
    return advise(std::move(error), state);
  };
  if (Status there = make_directories(state); !there.ok()) return remove_made(std::move(there).error());
  auto lock = DirectoryLock::acquire(state);
  if (!lock.ok() && lock.error().code == ErrorCode::conflict)
    return fail(ErrorCode::conflict, lock.error().message + ". The token was not used");
  if (!lock.ok()) return remove_made(std::move(lock).error());
  JoinLanding landing(state, std::move(*lock), made);
  Status ready = make_identity(state);
  if (ready.ok()) ready = landing.reserve();
  if (ready.ok()) ready = landing.take_key(token_id);
  if (!ready.ok()) return remove_made(std::move(ready).error());
  return landing;
}

Status JoinLanding::reserve() { return write_file_durably(room_file(state_), std::string(room, '\0'), Access::owner); }

Status JoinLanding::clear_room() {
  std::error_code error;
  fs::remove(room_file(state_), error);
  return error ? Status(fail_errno(room_file(state_).string(), error.value())) : Status();
}

/// The key of an earlier try with this token, or a new one.
Status JoinLanding::take_key(const std::string& token_id) {
  const std::string mark = "token " + to_hex(token_id) + "\n";
  constexpr std::string_view request_begins = "-----BEGIN CERTIFICATE REQUEST";
  auto earlier = read_file(key_file(state_), key_limit);
  if (earlier.ok() && earlier->starts_with(mark)) {
    std::string text = earlier->substr(mark.size());
    auto request = text.find(request_begins);
    if (request != std::string::npos) {
      key_ = {text.substr(0, request), text.substr(request)};
      return {};
    }
  }
  key_ = identity::make_request();
  return write_file_durably(key_file(state_), mark + key_.key_pem + key_.request_pem, Access::owner);
}

void JoinLanding::forget() {
  std::error_code ignored;
  for (const fs::path& path : {key_file(state_), room_file(state_)}) fs::remove(path, ignored);
  if (!made_ || is_there(identity_of(state_) / "fleet.json")) return;
  fs::remove(identity_of(state_), ignored);
  fs::remove(state_ / "lock", ignored);
  fs::remove(state_, ignored);
}

Status JoinLanding::give_to_owner() const {
  struct stat owner {};
  if (::geteuid() != 0) return {};
  if (::stat(state_.c_str(), &owner) != 0) return fail_errno(state_.string(), errno);
  if (owner.st_uid == 0) return {};
  std::error_code error;
  std::vector<fs::path> paths{state_ / "lock", identity_of(state_)};
  for (const auto& entry : fs::directory_iterator(identity_of(state_), error)) paths.push_back(entry.path());
  for (const fs::path& path : paths)
    if (::lchown(path.c_str(), owner.st_uid, owner.st_gid) != 0) return fail_errno(path.string(), errno);
  return {};
}

}  // namespace shoal::node
