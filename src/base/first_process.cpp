#include "base/first_process.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>

namespace shoal {
namespace {

/// In the child. Ctrl-C reaches it once, from the terminal, and not a second time from its parent.
void take_group_and_terminal() {
  ::setpgid(0, 0);
  if (::isatty(STDIN_FILENO) == 1) ::tcsetpgrp(STDIN_FILENO, ::getpid());  // SIGTTOU is blocked
}

int exit_code(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

/// All that have ended; the exit code of `child` where it is among them.
std::optional<int> reap(pid_t child) {
  std::optional<int> code;
  int status = 0;
  for (pid_t ended = ::waitpid(-1, &status, WNOHANG); ended > 0; ended = ::waitpid(-1, &status, WNOHANG))
    if (ended == child) code = exit_code(status);
  return code;
}

/// All signals are blocked, so that none is lost between two turns.
int reap_until_end_of(pid_t child, const sigset_t& all) {
  while (true) {
    int signal = 0;
    if (::sigwait(&all, &signal) != 0) continue;
    if (signal != SIGCHLD) ::kill(child, signal);
    else if (const auto code = reap(child)) return *code;
  }
}

}  // namespace

int run_in_reaped_child(const std::function<int()>& work) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::fork();
  if (child > 0) {
    const int code = reap_until_end_of(child, all);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    return code;
  }
  if (child == 0) take_group_and_terminal();
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return work();  // no room for a second process: better without a reaper than not at all
  ::_exit(work());
}

int run_below_reaper(const std::function<int()>& work) { return ::getpid() == 1 ? run_in_reaped_child(work) : work(); }

}  // namespace shoal
