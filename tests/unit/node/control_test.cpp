#include "node/control.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>
#include <vector>

#include "node/control_order.hpp"
#include "node/task_queue.hpp"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using namespace std::chrono_literals;

TEST_CASE("a command reaches the node that runs, however long the path of its state directory is") {
  TempDirectory directory;
  const fs::path state = directory.path() / std::string(200, 'x');
  fs::create_directories(state);
  CHECK_FALSE(test::must(ask_node(state, Json{{"command", "status"}}, 5s)).has_value());
  {
    auto server = test::must(ControlServer::start(state, [](const Json& request) -> Result<Json> {
      if (request.value("command", "") == "status") return Json{{"seen", request}};
      return fail(ErrorCode::no_space, "no room for this");
    }));
    struct stat info {};
    REQUIRE(::stat((state / "control.sock").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    auto answer = test::must(ask_node(state, Json{{"command", "status"}}, 5s));
    REQUIRE(answer);
    CHECK((*answer)["seen"]["command"] == "status");
    auto refused = ask_node(state, Json{{"command", "gc"}}, 5s);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::no_space);
    CHECK(refused.error().message == "no room for this");
  }
  CHECK_FALSE(fs::exists(state / "control.sock"));
  CHECK_FALSE(test::must(ask_node(state, Json{{"command", "status"}}, 5s)).has_value());
}

TEST_CASE("a socket that a killed node left is no node, and the next one takes its place") {
  TempDirectory state;
  auto answer = [](const Json&) -> Result<Json> { return Json{{"ok", true}}; };
  { auto first = test::must(ControlServer::start(state.path(), answer)); }
  auto second = test::must(ControlServer::start(state.path(), answer));
  auto third = test::must(ControlServer::start(state.path(), answer));  // as if the second had been killed
  CHECK(test::must(ask_node(state.path(), Json::object(), 5s)).has_value());
}

TEST_CASE("work of many threads is done by one, in order for each") {
  TaskQueue queue;
  std::vector<int> done;  // only the thread that runs the queue touches it
  std::jthread poster([&] {
    for (int i = 0; i < 1000; ++i) queue.post([&done, i] { done.push_back(i); });
  });
  while (done.size() < 1000) queue.run_for(10ms, {});
  for (int i = 0; i < 1000; ++i) CHECK(done[static_cast<std::size_t>(i)] == i);
  queue.close();
  queue.post([&] { done.clear(); });
  queue.run_for(1ms, {});
  CHECK(done.size() == 1000);
}

TEST_CASE("a request with a member of another type is refused by its name") {
  for (const char* text : {R"({"command":7})", R"({"command":null})", R"({"command":"gc","dry_run":"yes"})",
                           R"({"command":"limit","upload":"fast"})", R"({"command":"limit","download":-1})",
                           R"({"command":"limit","upload":1.5})", R"({"command":"limit","seconds":{}})", "[]", "3", "null"}) {
    CAPTURE(text);
    const auto order = read_order(test::must(parse_json(text, 1000)));
    REQUIRE_FALSE(order.ok());
    CHECK(order.error().code == ErrorCode::usage);
  }
  CHECK(read_order(Json{{"command", "limit"}, {"upload", "fast"}}).error().message ==
        "a request on the control socket: upload is not a whole number of zero or more");
}

TEST_CASE("an order has what it names, and defaults for the rest") {
  const auto order = test::must(read_order(Json{{"command", "limit"}, {"upload", 5u}, {"seconds", UINT64_MAX}, {"later", "x"}}));
  CHECK(order.command == "limit");
  CHECK(order.upload == 5);
  CHECK_FALSE(order.download);
  CHECK(order.lasts == std::chrono::hours(365 * 24));
  CHECK(test::must(read_order(Json{{"command", "limit"}})).lasts == std::chrono::hours(1));
}

TEST_CASE("a request that makes the node stumble costs its caller the answer, and not the node its thread") {
  TempDirectory state;
  auto server = test::must(ControlServer::start(state.path(), [](const Json& request) -> Result<Json> {
    return Json{{"length", request.at("name").get<std::string>().size()}};
  }));
  for (const Json& bad : {Json{{"name", 7}}, Json::object(), Json::array(), Json("text")}) {
    const auto refused = ask_node(state.path(), bad, 5s);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::usage);
  }
  CHECK((*test::must(ask_node(state.path(), Json{{"name", "abc"}}, 5s)))["length"] == 3);
}

namespace {

/// Work that sends the events of its request, and then waits for a stop.
ControlServer::Works waiting_work(std::atomic<bool>& stopped) {
  return {{"wait", [&stopped](const Json& request, const ControlServer::Say& say, const std::stop_token& stop) -> Status {
             for (const Json& event : request["say"]) say(event);
             while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
             stopped = true;
             return fail(ErrorCode::interrupted, "the node goes on");
           }}};
}

Result<Json> status_alone(const Json& request) {
  if (request.value("command", "") == "status") return Json{{"ok", true}};
  return fail(ErrorCode::usage, "the running node does not know it");
}

}  // namespace

TEST_CASE("work tells how it goes, its end is the caller's, and questions are answered meanwhile") {
  TempDirectory state;
  ControlServer::Works works{{"count", [](const Json& request, const ControlServer::Say& say, const std::stop_token&) -> Status {
                                for (int i = 0; i < request["to"].get<int>(); ++i) say({{"number", i}, {"text", std::string(40'000, 'x')}});
                                if (request["to"] == 3) return fail(ErrorCode::no_space, "no room");
                                return {};
                              }}};
  CHECK_FALSE(test::must(have_node_work(state.path(), {{"command", "count"}}, [](const Json&) {}, {})));
  auto server = test::must(ControlServer::start(state.path(), status_alone, works));
  std::vector<int> heard;
  const auto hear = [&](const Json& event) {
    heard.push_back(event["number"]);
    CHECK(test::must(ask_node(state.path(), {{"command", "status"}}, 5s)).has_value());
  };
  CHECK(test::must(have_node_work(state.path(), {{"command", "count"}, {"to", 5}}, hear, {})));
  CHECK(heard == std::vector<int>{0, 1, 2, 3, 4});
  auto failed = have_node_work(state.path(), {{"command", "count"}, {"to", 3}}, hear, {});
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().code == ErrorCode::no_space);
  auto unknown = have_node_work(state.path(), {{"command", "dance"}}, hear, {});
  CHECK(unknown.error().code == ErrorCode::usage);
  auto stumbled = have_node_work(state.path(), {{"command", "count"}, {"to", "x"}}, hear, {});
  CHECK_FALSE(stumbled.ok());
}

TEST_CASE("a caller that asks to stop hears the last word, and work for one that is gone is stopped") {
  TempDirectory state;
  std::atomic<bool> stopped = false;
  auto server = test::must(ControlServer::start(state.path(), status_alone, waiting_work(stopped)));
  std::stop_source stop;
  auto done = have_node_work(
      state.path(), {{"command", "wait"}, {"say", {{{"begun", true}}}}}, [&](const Json&) { stop.request_stop(); }, stop.get_token());
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().code == ErrorCode::interrupted);
  CHECK(done.error().message == "the node goes on");
  stopped = false;
  const auto hung_up = ask_node(state.path(), {{"command", "wait"}, {"say", {{{"begun", true}}}}}, 5s);  // closes after one line
  CHECK(hung_up.ok());
  for (int i = 0; i < 20'000 && !stopped; ++i) std::this_thread::sleep_for(1ms);
  CHECK(stopped);
}

TEST_CASE("a server that ends stops its work, and one caller too many is sent away") {
  TempDirectory state;
  std::atomic<bool> stopped = false;
  auto server = test::must(ControlServer::start(state.path(), status_alone, waiting_work(stopped)));
  std::vector<std::jthread> callers;
  std::atomic<std::size_t> begun = 0, ended = 0;
  for (std::size_t i = 0; i < ControlServer::most_works; ++i)
    callers.emplace_back([&] {
      auto done = have_node_work(state.path(), {{"command", "wait"}, {"say", {{{"begun", true}}}}}, [&](const Json&) { ++begun; }, {});
      if (!done.ok() && done.error().message == "the node goes on") ++ended;
    });
  for (int i = 0; i < 20'000 && begun < ControlServer::most_works; ++i) std::this_thread::sleep_for(1ms);
  auto busy = have_node_work(state.path(), {{"command", "wait"}, {"say", Json::array()}}, [](const Json&) {}, {});
  REQUIRE_FALSE(busy.ok());
  CHECK(busy.error().message.find("already works for 8 commands") != std::string::npos);
  server.reset();
  callers.clear();
  CHECK(ended == ControlServer::most_works);
}

TEST_CASE("who waits for work of another thread has its value, an error once it may not wait, or one when the queue was closed") {
  TaskQueue queue;
  std::jthread worker([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) queue.run_for(10ms, stop);
  });
  const auto for_ever = [] { return Status(); };
  CHECK(test::must(done_by<int>(
            queue, []() -> Result<int> { return 7; }, for_ever)) == 7);
  worker = {};
  CHECK(done_by<int>(
            queue, []() -> Result<int> { return 7; }, [] { return Status(fail("enough")); })
            .error()
            .message == "enough");
  queue.close();
  CHECK(done_by<int>(
            queue, []() -> Result<int> { return 7; }, for_ever)
            .error()
            .message == "the running node is ending");
}
