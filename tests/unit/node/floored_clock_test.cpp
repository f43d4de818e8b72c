#include "node/floored_clock.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace shoal;
using namespace shoal::node;
using namespace std::chrono_literals;

namespace {

WallTime day(int number) { return WallTime() + std::chrono::hours(24) * (20000 + number); }

}  // namespace

TEST_CASE("documents do not become valid again when the clock falls back, also after a restart") {
  TempDirectory state;
  ManualClock system(day(102));
  {
    FlooredClock clock(system, state.path());
    clock.raise(day(102) - 1h);
  }
  ManualClock fallen(day(0));
  FlooredClock clock(fallen, state.path());
  CHECK(clock.now() == day(102) - 1h);
  CHECK(clock.suspect());
  fallen.advance(std::chrono::hours(24 * 105));
  CHECK(clock.now() == day(105));
  CHECK_FALSE(clock.suspect());
}

TEST_CASE("a document from the future moves the clock by five minutes, and does not do so again and again") {
  TempDirectory state;
  ManualClock system(day(100));
  FlooredClock clock(system, state.path());
  for (int i = 0; i < 10; ++i) {
    clock.raise(day(30000));
    clock.agree(day(30000));
  }
  CHECK(clock.now() == day(100) + 5min);
  CHECK(FlooredClock(system, state.path()).now() <= day(100) + 5min);
}

TEST_CASE("a floor from a clock that was wrong is lowered when tracker and machine agree, and not by one of them alone") {
  TempDirectory state;
  ManualClock wrong(day(300));
  FlooredClock(wrong, state.path()).agree(day(300));
  ManualClock right(day(100));
  FlooredClock clock(right, state.path());
  CHECK(clock.now() == day(300));
  clock.agree(day(90));   // an old statement
  clock.agree(day(110));  // a tracker whose clock is ahead
  clock.raise(day(100));  // a document that is no statement of now
  CHECK(clock.now() == day(300));
  clock.agree(day(100) - 4min);
  CHECK(clock.now() == day(100));
  CHECK_FALSE(FlooredClock(right, state.path()).suspect());
}

TEST_CASE("what an older version noted is forgotten: any publisher could write it") {
  TempDirectory state;
  std::ofstream(state.path() / "clock-floor") << "2090-01-01T00:00:00Z\n";
  ManualClock system(day(100));
  CHECK(FlooredClock(system, state.path()).now() == day(100));
  CHECK_FALSE(fs::exists(state.path() / "clock-floor"));
}
