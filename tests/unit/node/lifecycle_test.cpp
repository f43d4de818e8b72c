#include "node/lifecycle.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace shoal;
using namespace shoal::node;

namespace {

const std::vector<Phase> phases{Phase::idle,  Phase::wanted,     Phase::admitted, Phase::fetching, Phase::verified,
                                Phase::ready, Phase::activating, Phase::active,   Phase::failed};
const std::vector<Step> steps{Step::want,     Step::admit,   Step::fetch, Step::verify, Step::prepare,
                              Step::activate, Step::succeed, Step::fail,  Step::retry,  Step::settle};

ReleaseId id_of(std::uint8_t fill) {
  ReleaseId id;
  id.bytes.fill(fill);
  return id;
}

}  // namespace

TEST_CASE("what failed is tried again when its time has come, and when a clock that was ahead put that off for longer than any delay") {
  const WallTime now = WallTime() + std::chrono::hours(1000);
  CHECK(is_due(now, now));
  CHECK(is_due(now - std::chrono::seconds(1), now));
  CHECK_FALSE(is_due(now + std::chrono::seconds(1), now));
  CHECK_FALSE(is_due(now + retry_delay(99), now));
  CHECK(is_due(now + retry_delay(99) + std::chrono::seconds(1), now));
}

TEST_CASE("a release goes all the way in one order") {
  Phase phase = Phase::idle;
  for (Step step : {Step::want, Step::admit, Step::fetch, Step::verify, Step::prepare, Step::activate, Step::succeed}) {
    auto after = next(phase, step);
    REQUIRE(after);
    phase = *after;
  }
  CHECK(phase == Phase::active);
}

TEST_CASE("nothing is activated that is not ready, and nothing becomes ready that was not verified or here before") {
  for (Phase phase : phases) {
    CHECK(next(phase, Step::activate).has_value() == (phase == Phase::ready));
    CHECK(next(phase, Step::succeed).has_value() == (phase == Phase::activating));
    CHECK(next(phase, Step::prepare).has_value() == (phase == Phase::verified || phase == Phase::wanted));
  }
}

TEST_CASE("a switch that is under way ends before anything else is decided") {
  for (Step step : steps) CHECK(next(Phase::activating, step).has_value() == (step == Step::succeed || step == Step::fail));
}

TEST_CASE("the newest wanted release wins in every other phase") {
  for (Phase phase : phases)
    if (phase != Phase::activating) CHECK(next(phase, Step::want) == Phase::wanted);
}

TEST_CASE("after a restart every phase leads to active again") {
  for (Phase phase : phases) {
    Phase restarted = after_restart(phase);
    bool stable = restarted == Phase::idle || restarted == Phase::active || restarted == Phase::failed;
    CHECK((stable || restarted == Phase::wanted || restarted == Phase::ready));
  }
  CHECK(after_restart(Phase::activating) == Phase::ready);
}

TEST_CASE("phases have names that can be read back") {
  for (Phase phase : phases) CHECK(phase_from(name(phase)) == phase);
  CHECK_FALSE(phase_from("half-way"));
}

TEST_CASE("a node that was not chosen keeps what it runs, or gets what was there before") {
  manifest::ChannelPointer pointer;
  pointer.release = id_of(2);
  const NodeId self = NodeId::trusted("aaaaaaaaaaaa");
  CHECK(wanted_by(pointer, self, id_of(1)) == id_of(2));
  pointer.rollout = manifest::Rollout{0, "salt", id_of(1), 0};
  CHECK(wanted_by(pointer, self, id_of(7)) == id_of(7));
  CHECK(wanted_by(pointer, self, std::nullopt) == id_of(1));
  pointer.rollout->otherwise.reset();
  CHECK_FALSE(wanted_by(pointer, self, std::nullopt));
  pointer.rollout->percent = 100;
  CHECK(wanted_by(pointer, self, id_of(1)) == id_of(2));
}

TEST_CASE("a node can say why it runs what it runs: a step back with its reason, a rollout that leaves it out") {
  manifest::ChannelPointer pointer;
  pointer.release = id_of(2);
  const NodeId self = NodeId::trusted("aaaaaaaaaaaa");
  CHECK(note_on(pointer, self).empty());
  pointer.rollback_of = id_of(3);
  pointer.reason = "answers in rhyme";
  CHECK(note_on(pointer, self) == "went back: answers in rhyme");
  pointer.rollout = manifest::Rollout{0, "salt", id_of(1), 0};
  CHECK(note_on(pointer, self) == "went back: answers in rhyme; the rollout to 0 % of the nodes leaves this one out");
  pointer.rollout->percent = 100;
  CHECK(note_on(pointer, self) == "went back: answers in rhyme");
}

TEST_CASE("failures are tried again later and later, and never later than half an hour") {
  CHECK(retry_delay(0) == std::chrono::seconds(5));
  for (std::uint32_t failures = 1; failures < 100; ++failures) {
    CHECK(retry_delay(failures) >= retry_delay(failures - 1));
    CHECK(retry_delay(failures) <= std::chrono::minutes(30));
  }
}

TEST_CASE("what failed is tried at once when a later pointer asks for it, and not while the rollout is halted") {
  using manifest::SeenSequence;
  CHECK(is_called_again(SeenSequence{1, 3}, SeenSequence{1, 4}, false));
  CHECK(is_called_again(SeenSequence{1, 9}, SeenSequence{2, 1}, false));
  CHECK(is_called_again(std::nullopt, SeenSequence{1, 1}, false));
  CHECK_FALSE(is_called_again(SeenSequence{1, 4}, SeenSequence{1, 4}, false));
  CHECK_FALSE(is_called_again(SeenSequence{1, 3}, SeenSequence{1, 4}, true));
  CHECK_FALSE(is_called_again(std::nullopt, std::nullopt, false));
}
