#include "fanout/announce_schedule.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace std::chrono_literals;
using fanout::AnnounceEvent;
using fanout::AnnounceNeed;
using fanout::AnnounceSchedule;

namespace {

constexpr AnnounceNeed hungry{false, 0};
constexpr AnnounceNeed fed{false, 50};
constexpr AnnounceNeed complete{true, 0};

struct Timeline {
  ManualClock clock{WallTime{}};
  SteadyTime now() const { return clock.steady_now(); }
  void pass(std::chrono::seconds by) { clock.advance(by); }
};

}  // namespace

TEST_CASE("a content is announced as started at once") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  CHECK(schedule.due(time.now(), hungry) == AnnounceEvent::started);
  CHECK_FALSE(schedule.started());
}

TEST_CASE("after an answer the tracker is left alone for its interval") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  schedule.succeeded(time.now(), AnnounceEvent::started, 60s, 0.99);
  CHECK(schedule.started());
  time.pass(47s);
  CHECK_FALSE(schedule.due(time.now(), fed));
  time.pass(13s);
  CHECK(schedule.due(time.now(), fed) == AnnounceEvent::none);
}

TEST_CASE("jitter never makes an announce later than the interval") {
  for (double random : {0.0, 0.5, 0.999}) {
    Timeline time;
    AnnounceSchedule schedule(time.now(), true);
    schedule.succeeded(time.now(), AnnounceEvent::started, 100s, random);
    CHECK(schedule.next(complete) <= time.now() + 100s);
    CHECK(schedule.next(complete) >= time.now() + 80s);
  }
}

TEST_CASE("an incomplete content with few peers asks again within ten seconds, and not before five") {
  for (double random : {0.0, 0.5, 0.999}) {
    Timeline time;
    AnnounceSchedule schedule(time.now(), false);
    schedule.succeeded(time.now(), AnnounceEvent::started, 1800s, random);
    CHECK(schedule.next(hungry) >= time.now() + 5s);
    CHECK(schedule.next(hungry) <= time.now() + 10s);
    CHECK(schedule.next(fed) > time.now() + 1000s);
  }
}

TEST_CASE("who has some peers after the first answer, but not enough, asks once more for those that are missing") {
  constexpr AnnounceNeed some{false, 15};
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  schedule.succeeded(time.now(), AnnounceEvent::started, 1800s, 0.5);
  CHECK(schedule.next(some) <= time.now() + 10s);
  time.pass(10s);
  REQUIRE(schedule.due(time.now(), some) == AnnounceEvent::none);
  schedule.succeeded(time.now(), AnnounceEvent::none, 1800s, 0.5);
  CHECK(schedule.next(some) > time.now() + 1000s);
  CHECK(schedule.next(hungry) <= time.now() + 10s);
}

TEST_CASE("a fetch asks for few peers at first and for what is missing later; who is complete asks for many") {
  CHECK(fanout::peers_wanted(AnnounceEvent::started, hungry) == 15);
  CHECK(fanout::peers_wanted(AnnounceEvent::none, {false, 2}) == 26);
  CHECK(fanout::peers_wanted(AnnounceEvent::none, {false, 500}) == 15);
  CHECK(fanout::peers_wanted(AnnounceEvent::completed, complete) == 50);
}

TEST_CASE("a content of few pieces takes fewer links") {
  CHECK(fanout::enough_peers(1) == 8);
  CHECK(fanout::enough_peers(305) == 8);  // 5 MB
  CHECK(fanout::enough_peers(560) == 16);
  CHECK(fanout::enough_peers(1000) == 28);
  CHECK(fanout::enough_peers(100'000) == 28);
  const AnnounceNeed small{false, 3, 305};
  CHECK(fanout::peers_wanted(AnnounceEvent::started, small) == 5);
  CHECK(fanout::peers_wanted(AnnounceEvent::none, small) == 5);
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  schedule.succeeded(time.now(), AnnounceEvent::started, 1800s, 0.5);
  CHECK(schedule.next({false, 8, 305}) > time.now() + 1000s);
  CHECK(schedule.next({false, 8, 3050}) <= time.now() + 10s);
}

TEST_CASE("a tracker that asks for an announce every second is not obeyed") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), true);
  schedule.succeeded(time.now(), AnnounceEvent::started, 1s, 0.0);
  CHECK(schedule.next(complete) >= time.now() + 5s);
}

TEST_CASE("completion is announced at once, and once") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  schedule.succeeded(time.now(), AnnounceEvent::started, 60s, 0.5);
  CHECK(schedule.due(time.now(), complete) == AnnounceEvent::completed);
  schedule.succeeded(time.now(), AnnounceEvent::completed, 60s, 0.5);
  CHECK_FALSE(schedule.due(time.now(), complete));
  time.pass(60s);
  CHECK(schedule.due(time.now(), complete) == AnnounceEvent::none);
}

TEST_CASE("a content that was complete when it was added is never announced as completed") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), true);
  CHECK(schedule.due(time.now(), complete) == AnnounceEvent::started);
  schedule.succeeded(time.now(), AnnounceEvent::started, 60s, 0.5);
  CHECK_FALSE(schedule.due(time.now(), complete));
}

TEST_CASE("a content that completes before the tracker knows it is announced as started first") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  CHECK(schedule.due(time.now(), complete) == AnnounceEvent::started);
  schedule.succeeded(time.now(), AnnounceEvent::started, 60s, 0.5);
  CHECK(schedule.due(time.now(), complete) == AnnounceEvent::completed);
}

TEST_CASE("failures double the wait up to a minute, and the same event is tried again") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  std::chrono::seconds expected[] = {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s};
  for (auto wait : expected) {
    schedule.failed(time.now(), 0.5);
    CHECK(schedule.next(hungry) == time.now() + wait);
    CHECK_FALSE(schedule.due(time.now(), hungry));
    time.pass(wait);
    CHECK(schedule.due(time.now(), hungry) == AnnounceEvent::started);
  }
}

TEST_CASE("many failures do not overflow the wait") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  for (int i = 0; i < 100; ++i) schedule.failed(time.now(), 0.999);
  CHECK(schedule.next(hungry) > time.now());
  CHECK(schedule.next(hungry) <= time.now() + 90s);
}

TEST_CASE("while the tracker fails, hunger and completion wait for the back-off") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  schedule.succeeded(time.now(), AnnounceEvent::started, 60s, 0.5);
  for (int i = 0; i < 7; ++i) schedule.failed(time.now(), 0.5);
  time.pass(30s);
  CHECK_FALSE(schedule.due(time.now(), hungry));
  CHECK_FALSE(schedule.due(time.now(), complete));
  time.pass(30s);
  CHECK(schedule.due(time.now(), complete) == AnnounceEvent::completed);
}

TEST_CASE("one answer ends the back-off") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  for (int i = 0; i < 6; ++i) schedule.failed(time.now(), 0.5);
  schedule.succeeded(time.now(), AnnounceEvent::started, 60s, 0.5);
  CHECK(schedule.next(hungry) <= time.now() + 10s);
  schedule.failed(time.now(), 0.5);
  CHECK(schedule.next(hungry) == time.now() + 1s);
}

TEST_CASE("a fetch of which nothing arrives asks at once, also during a back-off, though not within five seconds of an answer") {
  Timeline time;
  AnnounceSchedule schedule(time.now(), false);
  schedule.succeeded(time.now(), AnnounceEvent::started, 600s, 0.5);
  schedule.succeeded(time.now(), AnnounceEvent::none, 600s, 0.5);
  const AnnounceNeed many{false, 20};
  CHECK(schedule.next(many) > time.now() + 100s);
  schedule.hasten(time.now());
  CHECK(schedule.next(many) == time.now() + 5s);
  time.pass(30s);
  for (int i = 0; i < 7; ++i) schedule.failed(time.now(), 0.5);
  CHECK(schedule.next(many) == time.now() + 60s);
  schedule.hasten(time.now());
  CHECK(schedule.due(time.now(), many) == AnnounceEvent::none);
}
