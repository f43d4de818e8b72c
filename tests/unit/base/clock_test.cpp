#include "base/clock.hpp"

#include <thread>

#include "doctest/doctest.h"

using namespace shoal;
using namespace std::chrono_literals;

TEST_CASE("times are written and read in one form") {
  WallTime time{1769860800s};
  CHECK(format_time(time) == "2026-01-31T12:00:00Z");
  CHECK(parse_time("2026-01-31T12:00:00Z").value() == time);
  CHECK(parse_time("9999-12-31T23:59:59Z").ok());
  CHECK(parse_time("2024-02-29T00:00:00Z").ok());
}

TEST_CASE("every other spelling of a time is refused") {
  for (const char* bad :
       {"", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00+00:00", "2026-01-31t12:00:00z", "2026-01-31 12:00:00Z",
        "2026-02-31T12:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00Zx", " 2026-01-31T12:00:00", "2026-1-31T12:00:00Z ", "0026-01-31T12:00:00Z", "-026-01-31T12:00:00Z"})
    CHECK_MESSAGE(!parse_time(bad).ok(), bad);
  CHECK_FALSE(parse_time(std::string("2026-01-31T12:00:00\0", 20)).ok());
  CHECK(parse_time(std::string(100'000, 'x')).error().message.size() < 200);
}

TEST_CASE("a manual clock moves both times, and only when told") {
  ManualClock clock(WallTime{1000s});
  SteadyTime steady = clock.steady_now();
  CHECK(clock.now() == WallTime{1000s});
  clock.advance(5s);
  CHECK(clock.now() == WallTime{1005s});
  CHECK(clock.steady_now() - steady == 5s);
}

TEST_CASE("a manual clock may be moved by one thread and read by others") {
  ManualClock clock(WallTime{0s});
  {
    std::jthread mover([&] {
      for (int i = 0; i < 1000; ++i) clock.advance(1s);
    });
    WallTime last = clock.now();
    for (int i = 0; i < 1000; ++i) {
      WallTime now = clock.now();
      CHECK(now >= last);
      last = now;
    }
  }
  CHECK(clock.now() == WallTime{1000s});
}
