#include "base/shutdown.hpp"

#include <signal.h>
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

TEST_CASE("a shutdown that nobody asked for ends quietly") {
  Shutdown shutdown;
  CHECK_FALSE(shutdown.requested());
}

TEST_CASE("log levels are the five that the help names") {
  for (const char* good : {"debug", "info", "warn", "error", "off"}) CHECK(log::parse_level(good).ok());
  CHECK(log::parse_level("verbose").error().code == ErrorCode::usage);
}
