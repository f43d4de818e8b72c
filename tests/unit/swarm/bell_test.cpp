#include "swarm/bell.hpp"

#include <thread>

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::swarm;
using namespace std::chrono_literals;

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
