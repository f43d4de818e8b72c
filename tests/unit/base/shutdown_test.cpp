#include "base/shutdown.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.hpp"
#include "doctest/doctest.h"

using namespace shoal;
using namespace std::chrono_literals;

TEST_CASE("a signal requests a stop, and a sleeper wakes for it") {
  Shutdown shutdown;
  CHECK_FALSE(shutdown.requested());
  CHECK(sleep_for(1ms, shutdown.token()));
  ::kill(::getpid(), SIGTERM);
  CHECK_FALSE(sleep_for(60s, shutdown.token()));
  CHECK(shutdown.requested());
  CHECK_FALSE(sleep_for(60s, shutdown.token()));
}

TEST_CASE("SIGHUP stops what is no service, and is counted by one that reads its configuration again") {
  {
    Shutdown shutdown;
    ::kill(::getpid(), SIGHUP);
    CHECK_FALSE(sleep_for(60s, shutdown.token()));
  }
  Shutdown shutdown;
  shutdown.count_hangups();
  ::kill(::getpid(), SIGHUP);
  for (int turns = 0; shutdown.hangups() == 0 && turns < 60'000; ++turns) sleep_for(1ms, shutdown.token());
  CHECK(shutdown.hangups() == 1);
  CHECK_FALSE(shutdown.requested());
}

namespace {

/// The exit code of a process that takes this long to end after a request to stop.
int exit_code_after(std::chrono::milliseconds patience, std::chrono::milliseconds takes) {
  const pid_t child = ::fork();
  if (child == 0) {
    {
      std::stop_source source;
      const EndDeadline deadline(source.get_token(), patience);
      source.request_stop();
      sleep_for(takes, {});
    }
    ::_exit(7);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a process that hangs after it was asked to stop is ended in order, and one that ends by itself is let") {
  CHECK(exit_code_after(20ms, 60s) == 0);
  CHECK(exit_code_after(60s, 20ms) == 7);
  const EndDeadline nobody_asked({}, 1ms);
  CHECK(sleep_for(20ms, {}));
}

TEST_CASE("a shutdown that nobody asked for ends quietly") {
  Shutdown shutdown;
  CHECK_FALSE(shutdown.requested());
}

TEST_CASE("log levels are the five that the help names") {
  for (const char* good : {"debug", "info", "warn", "error", "off"}) CHECK(log::parse_level(good).ok());
  CHECK(log::parse_level("verbose").error().code == ErrorCode::usage);
}
