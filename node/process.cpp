#include "node/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/encoding.hpp"
#include "base/files.hpp"
#include "identity/system_authorities.hpp"

namespace shoal::node {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::seconds grace{2};   // between SIGTERM and SIGKILL
constexpr int look_every = 20;             // milliseconds, whether the program has ended
constexpr int most_reads = 8;              // a full pipe; who still writes then is another
constexpr std::size_t shown_output = 500;  // bytes of its last line in an error

/// What systemd gave to this process alone, and our own variables: a hook's come from its context.
bool is_ours(std::string_view variable) {
  constexpr std::string_view prefixes[] = {"SHOAL_", "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", "CREDENTIALS_DIRECTORY="};
  return std::any_of(std::begin(prefixes), std::end(prefixes), [&](std::string_view prefix) { return variable.starts_with(prefix); });
}

std::vector<std::string> environment_for(const ProcessRequest& request) {
  std::vector<std::string> lines;
  for (std::string& variable : identity::environment())
    if (!is_ours(variable)) lines.push_back(std::move(variable));
  for (const auto& [name, value] : request.environment) lines.push_back(name + "=" + value);
  return lines;
}

/// As exec(3) wants them; refers to the strings.
std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// posix_spawn's two lists of wishes.
class SpawnPlan {
 public:
  explicit SpawnPlan(int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// A program that runs, until it is reaped. It must be.
class Child {
 public:
  static Result<Child> start(const ProcessRequest& request);

  /// False where the time was up, or a stop came, before it ended.
  bool wait(Steady::time_point until, const std::stop_token& stop);
  /// Ends the whole group.
  void end();
  /// Its wait status. Only after it ended.
  int reap();
  /// The last line that it wrote, as the end of a message.
  std::string last_line() const;

 private:
  Child(pid_t pid, UniqueFd output) : pid_(pid), pipe_(std::move(output)) {}
  bool has_ended() const;
  void read_some();

  pid_t pid_;
  UniqueFd pipe_;
  std::string output_;
};

Result<Child> Child::start(const ProcessRequest& request) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot make a pipe", errno);
  UniqueFd ours(ends[0]), theirs(ends[1]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);  // our end alone: each end is a description of its own
  SpawnPlan plan(theirs.get());
  std::vector<std::string> arguments = request.arguments, environment = environment_for(request);
  pid_t pid = 0;
  int error = ::posix_spawnp(&pid, arguments.at(0).c_str(), plan.actions(), plan.attributes(), pointers(arguments).data(),
                             pointers(environment).data());
  if (error != 0) return fail("cannot be started: " + std::string(std::strerror(error)));
  return Child(pid, std::move(ours));
}

/// It stays a zombie until it is reaped, so that its number, and its group's, is not given to another.
bool Child::has_ended() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid_;
}

void Child::read_some() {
  char buffer[16384];
  const ssize_t got = pipe_ ? ::read(pipe_.get(), buffer, sizeof buffer) : 0;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return pipe_.reset();  // poll(2) would return at once for ever
  output_.append(buffer, static_cast<std::size_t>(got));
  if (output_.size() > sizeof buffer) output_.erase(0, output_.size() - shown_output);
}

bool Child::wait(Steady::time_point until, const std::stop_token& stop) {
  while (!has_ended()) {
    if (Steady::now() >= until || stop.stop_requested()) return false;
    pollfd readable{pipe_.get(), POLLIN, 0};
    ::poll(&readable, 1, look_every);
    read_some();
  }
  for (int i = 0; i < most_reads && pipe_; ++i) read_some();  // what it wrote last
  return true;
}

void Child::end() {
  ::kill(-pid_, SIGTERM);
  wait(Steady::now() + grace, {});
  ::kill(-pid_, SIGKILL);
  wait(Steady::now() + grace, {});  // at once, but for a program that hangs in the kernel
}

int Child::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) < 0 && errno == EINTR) continue;
  return status;
}

std::string Child::last_line() const {
  const auto end = output_.find_last_not_of(" \r\n\t");
  if (end == std::string::npos) return ", without output";
  const std::string text = output_.substr(0, end + 1);
  std::string line = text.substr(text.rfind('\n') + 1);  // the whole text where there is one line
  if (line.size() > shown_output) line.erase(0, line.size() - shown_output);
  return ": " + printable(line, shown_output);
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "failed (exit " + std::to_string(WEXITSTATUS(status)) + ")";
}

}  // namespace

Status run_process(const ProcessRequest& request, const std::stop_token& stop) {
  const auto begin = Steady::now();
  SHOAL_TRY(Child child, Child::start(request));
  const bool ended = child.wait(request.deadline, stop);
  if (!ended) child.end();
  const int status = child.reap();
  if (!ended && stop.stop_requested()) return fail(ErrorCode::interrupted, "was interrupted");
  if (!ended) {
    auto allowed = std::chrono::duration_cast<std::chrono::milliseconds>(request.deadline - begin);
    return fail("ran longer than " + format_duration(allowed) + " and was ended" + child.last_line());
  }
  if (status == 0) return {};
  return fail(how_it_ended(status) + child.last_line());
}

}  // namespace shoal::node
