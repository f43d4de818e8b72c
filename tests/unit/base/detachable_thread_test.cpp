#include "base/detachable_thread.hpp"

#include <doctest/doctest.h>

#include <future>

#include "base/shutdown.hpp"

namespace shoal {
namespace {

using std::chrono::hours;

auto now() { return std::chrono::steady_clock::now(); }

TEST_CASE("work that listens to its stop ends in time") {
  DetachableThread thread("nothing", {}, [](const std::stop_token& stop) { sleep_for(hours(1), stop); });
  CHECK_FALSE(thread.ended());
  CHECK(thread.end(now() + hours(1)));
  CHECK(thread.ended());
  CHECK(thread.end(now()));
}

TEST_CASE("work that hangs is left behind") {
  auto answer = std::make_shared<std::promise<void>>();
  DetachableThread thread("nothing", {}, [answer](const std::stop_token&) { answer->get_future().wait(); });
  auto ended = thread.waiter();
  CHECK_FALSE(thread.end(now()));
  answer->set_value();
  CHECK(ended({}));
}

TEST_CASE("who waits for the end of another gives up when it is to stop") {
  DetachableThread thread("nothing", {}, [](const std::stop_token& stop) { sleep_for(hours(1), stop); });
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(thread.waiter()(stop.get_token()));
}

TEST_CASE("the end of the work can be waited for, up to a deadline") {
  auto answer = std::make_shared<std::promise<void>>();
  DetachableThread thread("nothing", {}, [answer](const std::stop_token&) { answer->get_future().wait(); });
  CHECK_FALSE(thread.wait(now(), {}));
  answer->set_value();
  CHECK(thread.wait(now() + hours(1), {}));
}

TEST_CASE("a thread that was detached is nobody's business any more") {
  auto answer = std::make_shared<std::promise<void>>();
  DetachableThread thread("nothing", {}, [answer](const std::stop_token&) { answer->get_future().wait(); });
  thread.detach();
  CHECK(thread.ended());
  CHECK(thread.end(now()));
  answer->set_value();
}

}  // namespace
}  // namespace shoal
