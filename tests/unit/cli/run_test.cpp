#include <signal.h>

#include <stdexcept>

#include "doctest/doctest.h"
#include "unit/cli/sample.hpp"

using namespace shoal;
using namespace shoal::cli;
using namespace shoal::cli::test;

namespace {

std::vector<Command> failing(ErrorCode code) {
  return sample([code](Invocation&) { return Status(fail(code, "broken")); });
}

}  // namespace

TEST_CASE("a command gets its values and its exit code is 0") {
  auto commands = sample([](Invocation& call) {
    call.out.result({}, call.get("REF") + " " + call.get("--seed-for") + (call.on("--dry") ? " dry" : ""));
    return Status{};
  });
  Outcome outcome = run_words(commands, {"pull", "a/b", "--state", "/x", "--dry"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "a/b 10m dry\n");
  CHECK(outcome.err.empty());
}

TEST_CASE("each kind of failure has its exit code and a message on stderr") {
  Outcome outcome = run_words(failing(ErrorCode::unreachable), {"pull", "a/b", "--state", "/x"});
  CHECK(outcome.code == 13);
  CHECK(outcome.out.empty());
  CHECK(outcome.err == "shoal: error: broken\n");
  CHECK(run_words(failing(ErrorCode::no_space), {"pull", "a/b", "--state", "/x"}).code == 14);
}

TEST_CASE("with --json a failure is an object on stdout") {
  Outcome outcome = run_words(failing(ErrorCode::verification), {"pull", "a/b", "--state", "/x", "--json"});
  CHECK(outcome.code == 11);
  CHECK(outcome.out == "{\"code\":\"verification\",\"exit_code\":11,\"message\":\"broken\",\"type\":\"error\"}\n");
  CHECK(outcome.err.empty());
}

TEST_CASE("even a wrong command line is reported as JSON when JSON was asked for") {
  CHECK(run_words(sample(), {"pul", "--json"}).out.starts_with("{\"code\":\"usage\",\"exit_code\":2,"));
  Variable variable("SHOAL_JSON", "1");
  CHECK(run_words(sample(), {"pul"}).out.starts_with("{\"code\":\"usage\",\"exit_code\":2,"));
}

TEST_CASE("a wrong command line exits with 2 and runs nothing") {
  bool ran = false;
  auto commands = sample([&](Invocation&) {
    ran = true;
    return Status{};
  });
  CHECK(run_words(commands, {"pull", "a/b"}).code == 2);
  CHECK(run_words(commands, {"pull", "a/b", "--state", "/x", "--log-level", "loud"}).code == 2);
  CHECK(run_words(commands, {"token"}).code == 2);
  CHECK_FALSE(ran);
}

TEST_CASE("an exception becomes exit code 1 and a message") {
  auto commands = sample([](Invocation&) -> Status { throw std::runtime_error("the sky fell"); });
  Outcome outcome = run_words(commands, {"pull", "a/b", "--state", "/x"});
  CHECK(outcome.code == 1);
  CHECK(outcome.err == "shoal: error: unexpected: the sky fell\n");
}

TEST_CASE("a command that fails because it was interrupted exits with 130") {
  auto commands = sample([](Invocation& call) {
    ::kill(::getpid(), SIGINT);
    sleep_for(std::chrono::seconds(30), call.shutdown.token());
    return Status(fail("connection lost"));
  });
  Outcome outcome = run_words(commands, {"pull", "a/b", "--state", "/x"});
  CHECK(outcome.code == 130);
  CHECK(outcome.err == "shoal: error: interrupted: connection lost\n");
}

TEST_CASE("version, help and no words at all print to stdout and succeed") {
  CHECK(run_words(sample(), {"--version"}).out == "shoal 1.2.3\n");
  CHECK(run_words(sample(), {"pull", "--help"}).out.find("Exit codes:") != std::string::npos);
  Outcome bare = run_words(sample(), {});
  CHECK(bare.code == 0);
  CHECK(bare.out.find("token create") != std::string::npos);
}

TEST_CASE("a value that does not parse names its option") {
  Output output({});
  Shutdown shutdown;
  Invocation call(output, shutdown, {{"--ttl", {"soon"}}, {"--listen", {"nowhere"}}});
  CHECK(call.duration("--ttl").error().message.starts_with("--ttl: 'soon'"));
  CHECK(call.address("--listen").error().message.starts_with("--listen: 'nowhere'"));
}

TEST_CASE("a command may have a --version of its own, and an argument with any name") {
  auto commands = sample([](Invocation& call) {
    call.out.result({}, call.get("MODEL:CHANNEL") + " " + call.get("--version"));
    return Status{};
  });
  CHECK(run_words(commands, {"publish", "a/b:main", "--version", "2.0"}).out == "a/b:main 2.0\n");
  CHECK(run_words(commands, {"--version", "publish", "a/b:main"}).out == "shoal 1.2.3\n");
  CHECK(run_words(commands, {"publish", "a/b:main"}).code == 2);
  Variable version("SHOAL_VERSION", "3.0"), reference("SHOAL_MODEL_CHANNEL", "c/d:main");
  CHECK(run_words(commands, {"publish"}).code == 2);
  CHECK(run_words(commands, {"publish", "a/b:main"}).code == 2);
  CHECK(run_words(commands, {"pull", "a/b", "--state", "/x", "--version"}).out == "shoal 1.2.3\n");
}
