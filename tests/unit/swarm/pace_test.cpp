#include "swarm/pace.hpp"

#include <thread>

#include "doctest/doctest.h"
#include "swarm/bell.hpp"

using namespace shoal;
using namespace shoal::swarm;
using namespace std::chrono_literals;

TEST_CASE("the engine is looked at often while something moves, and seldom afterwards") {
  const SteadyTime start{};
  Pace pace(start);
  SteadyTime now = start;
  int looks = 0;
  for (; now < start + 60s; now += 10ms) {
    if (now <= start + 10s) pace.moved(now);
    if (!pace.is_due(now)) continue;
    pace.looked(now);
    ++looks;
  }
  CHECK(looks >= 10 * 4 + 5 * 4);
  CHECK(looks <= 10 * 4 + 5 * 4 + 7);
}

TEST_CASE("what begins to move is looked at soon, however long the engine was idle") {
  const SteadyTime start{};
  Pace pace(start);
  pace.looked(start + 1h);
  CHECK_FALSE(pace.is_due(start + 1h + 1s));
  pace.moved(start + 1h + 1s);
  CHECK(pace.is_due(start + 1h + 1s + Pace::often));
  CHECK(pace.is_lively(start + 1h + 2s));
}

TEST_CASE("a bell that rang while nobody waited is heard by the next who waits, once") {
  Bell bell;
  bell.news();
  bell.moved();
  const Bell::Rings rings = bell.wait_until(std::chrono::steady_clock::now() + 1h, {});
  CHECK(rings.news);
  CHECK(rings.moved);
  const Bell::Rings none = bell.wait_until(std::chrono::steady_clock::now(), {});
  CHECK_FALSE(none.news);
  CHECK_FALSE(none.moved);
}

TEST_CASE("a bell wakes who waits, and so does the end") {
  Bell bell;
  std::jthread ringer([&] { bell.news(); });
  CHECK(bell.wait_until(std::chrono::steady_clock::now() + 1h, {}).news);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  CHECK_FALSE(bell.wait_until(std::chrono::steady_clock::now() + 1h, stop.get_token()).news);
}
