#include "tracker/attempts.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::tracker;

TEST_CASE("an address that fails too often waits for the next minute; others do not") {
  ManualClock clock{WallTime(std::chrono::seconds(1'000'000))};
  AttemptLimit limit(clock, 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(limit.allows("10.0.0.1"));
    limit.failed("10.0.0.1");
  }
  CHECK_FALSE(limit.allows("10.0.0.1"));
  CHECK(limit.allows("10.0.0.2"));
  clock.advance(std::chrono::seconds(59));
  CHECK_FALSE(limit.allows("10.0.0.1"));
  clock.advance(std::chrono::seconds(1));
  CHECK(limit.allows("10.0.0.1"));
  limit.failed("10.0.0.1");
  CHECK(limit.allows("10.0.0.1"));
}

TEST_CASE("the addresses of one IPv6 network count as one") {
  ManualClock clock{WallTime(std::chrono::seconds(1'000'000))};
  AttemptLimit limit(clock, 2);
  limit.failed("2001:db8:1:2::1");
  limit.failed("2001:db8:1:2:ffff::9");
  CHECK_FALSE(limit.allows("2001:db8:1:2::77"));
  CHECK(limit.allows("2001:db8:1:3::1"));
}
