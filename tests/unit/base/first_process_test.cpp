#include "base/first_process.hpp"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

using namespace shoal;

namespace {

/// Runs `test` in a process of its own, which may change its signals; its exit code.
int in_fresh_process(const std::function<int()>& test) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(test());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Leaves a process behind that ends by itself.
int leave_orphan() {
  if (::fork() == 0) ::_exit(0);
  ::usleep(100'000);
  return 0;
}

}  // namespace

TEST_CASE("the exit code is that of the work, or names the signal that ended it") {
  CHECK(in_fresh_process([] { return run_in_reaped_child([] { return 14; }); }) == 14);
  CHECK(in_fresh_process([] { return run_in_reaped_child([] { return ::raise(SIGKILL); }); }) == 128 + SIGKILL);
  CHECK(run_below_reaper([] { return 3; }) == 3);
}

TEST_CASE("a signal reaches the work") {
  const int code = in_fresh_process([] {
    const pid_t reaper = ::getpid();
    return run_in_reaped_child([reaper] {
      std::signal(SIGTERM, [](int) { ::_exit(7); });
      ::kill(reaper, SIGTERM);
      ::pause();
      return 0;
    });
  });
  CHECK(code == 7);
}

TEST_CASE("orphans are reaped") {
  const int left = in_fresh_process([] {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // this process adopts orphans, as process 1 does
    if (const int code = run_in_reaped_child(leave_orphan); code != 0) return code;
    return ::waitpid(-1, nullptr, WNOHANG) < 0 ? 0 : 1;  // no child at all: none that ended, none that waits to be reaped
  });
  CHECK(left == 0);
}
