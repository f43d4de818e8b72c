#include "fanout/pace.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::fanout;
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
