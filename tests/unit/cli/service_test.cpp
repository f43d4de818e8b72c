#include "cli/service.hpp"

#include <signal.h>
#include <unistd.h>

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::cli;
using namespace std::chrono_literals;

namespace {

/// Nobody listens on its socket; that it is named is enough.
struct ServiceManager {
  ServiceManager() { ::setenv("NOTIFY_SOCKET", "/nobody/listens", 1); }
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;
  ~ServiceManager() { ::unsetenv("NOTIFY_SOCKET"); }
};

/// A service whose configuration a test rewrites.
struct Stage {
  ServiceManager manager;
  Invocation::Values values{{"--log-level", {"warn"}}, {"--limit", {"1"}}, {"--port", {"7000"}}};
  Shutdown shutdown;
  Output out{{.quiet = true}};
  ManualClock clock{WallTime{}};
  Invocation call{out, shutdown, values, [this]() -> Result<Invocation::Values> { return values; }};
  std::vector<std::string> taken;
  Service service{call, clock, {{"--limit"}, [this](const Invocation& now) { return take(now); }}};

  Status take(const Invocation& now) {
    if (now.get("--limit") == "many") return fail(ErrorCode::usage, "no limit");
    taken.push_back(now.get("--limit"));
    return {};
  }
  void hang_up() {
    const unsigned before = shutdown.hangups();
    ::kill(::getpid(), SIGHUP);
    for (int turns = 0; shutdown.hangups() == before && turns < 60'000; ++turns) sleep_for(1ms, shutdown.token());
    service.alive("up");
  }
};

}  // namespace

TEST_CASE("SIGHUP has the service take the new values, once, and what is wrong is not taken") {
  Stage stage;
  stage.service.ready("up");
  stage.service.alive("up");
  CHECK(stage.taken.empty());
  stage.values["--limit"] = {"2"};
  stage.hang_up();
  CHECK(stage.taken == std::vector<std::string>{"2"});
  stage.service.alive("up");
  CHECK(stage.taken.size() == 1);
  stage.values["--limit"] = {"many"};
  stage.hang_up();
  CHECK(stage.taken.size() == 1);
  CHECK_FALSE(stage.shutdown.requested());
}

TEST_CASE("without a service manager SIGHUP stops a service: its terminal was closed") {
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("INVOCATION_ID");
  Shutdown shutdown;
  Output out{{.quiet = true}};
  const SystemClock clock;
  Invocation call{out, shutdown, {}};
  const Service service{call, clock};
  ::kill(::getpid(), SIGHUP);
  CHECK_FALSE(sleep_for(60s, shutdown.token()));
  CHECK(shutdown.hangups() == 0);
}

TEST_CASE("options that differ between two readings are named") {
  Stage stage;
  stage.values["--port"] = {"7001"};
  stage.values["--new"] = {"x"};
  auto now = stage.call.again();
  REQUIRE(now.ok());
  CHECK(stage.call.changed_in(*now) == std::vector<std::string>{"--new", "--port"});
}

TEST_CASE("a service is alive until its loop has not turned for a minute, and ready once it says so") {
  Stage stage;
  CHECK(stage.service.health().alive);
  CHECK_FALSE(stage.service.health().ready);
  stage.clock.advance(1h);
  stage.service.ready("up");
  CHECK(stage.service.health().ready);
  stage.clock.advance(59s);
  CHECK(stage.service.health().alive);
  stage.clock.advance(1s);
  CHECK_FALSE(stage.service.health().alive);
  stage.service.alive("up");
  CHECK(stage.service.health().alive);
}
