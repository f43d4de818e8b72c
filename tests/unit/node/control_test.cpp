#include "node/control.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

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
