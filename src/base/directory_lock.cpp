#include "base/directory_lock.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/encoding.hpp"

namespace shoal {
namespace {

constexpr ByteCount record_limit = 200;
constexpr ByteCount arguments_limit = 1 * MiB;
constexpr std::size_t most_words = 3;

fs::path file_of(const fs::path& directory) { return directory / "lock"; }

/// Of "self" or a process id; empty where they cannot be read.
std::vector<std::string> arguments_of(const std::string& process) {
  const std::string text = read_file("/proc/" + process + "/cmdline", arguments_limit).value_or("");
  std::vector<std::string> arguments;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\0', start), text.size());
    arguments.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return arguments;
}

bool is_command_word(const std::string& word) {
  return !word.empty() && word.front() != '-' &&
         std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

/// A record that cannot be written costs the name in other processes' messages, not the lock.
void sign(int fd) {
  const std::string record = std::to_string(::getpid()) + " " + command_words(arguments_of("self")).substr(0, record_limit / 2) + "\n";
  if (::ftruncate(fd, 0) != 0) return;
  (void)!::pwrite(fd, record.data(), record.size(), 0);
}

std::optional<LockHolder> recorded(const fs::path& directory) {
  const auto text = read_file(file_of(directory), record_limit);
  if (!text) return std::nullopt;
  LockHolder holder;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), holder.pid);
  if (error != std::errc() || holder.pid <= 0) return std::nullopt;
  const std::string_view rest = std::string_view(*text).substr(static_cast<std::size_t>(end - text->data()));
  if (rest.starts_with(' ')) holder.command = printable(rest.substr(1, rest.find('\n') - 1), record_limit);
  return holder;
}

}  // namespace

std::string command_words(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return "";
  std::string words = fs::path(arguments.front()).filename().string();
  for (std::size_t i = 1; i < arguments.size() && i < most_words && is_command_word(arguments[i]); ++i) words += " " + arguments[i];
  return words;
}

std::string LockHolder::str() const { return "process " + std::to_string(pid) + (command.empty() ? "" : " (" + command + ")"); }

std::optional<LockHolder> lock_holder(const fs::path& directory) {
  auto holder = recorded(directory);
  if (!holder || (::kill(static_cast<pid_t>(holder->pid), 0) != 0 && errno == ESRCH)) return std::nullopt;
  const std::string runs_now = command_words(arguments_of(std::to_string(holder->pid)));
  if (!runs_now.empty() && runs_now != holder->command) return std::nullopt;  // the number was given to another process
  return holder;
}

Result<DirectoryLock> DirectoryLock::acquire(const fs::path& directory) {
  const fs::path path = file_of(directory);
  SHOAL_TRY(UniqueFd fd, open_file(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
    sign(fd.get());
    return DirectoryLock(std::move(fd));
  }
  if (errno != EWOULDBLOCK) return fail_errno(path.string(), errno);
  const auto holder = recorded(directory);
  return fail(ErrorCode::conflict, directory.string() + " is in use by " + (holder ? holder->str() : "another shoal process") +
                                       ": stop it, or give this command a --state of its own");
}

}  // namespace shoal
