#include "tracker/freshness.hpp"

#include <thread>

#include "doctest/doctest.h"
#include "manifest/trust.hpp"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::tracker;
using namespace std::chrono_literals;
using shoal::test::must;

namespace {

const ModelName model = ModelName::trusted("acme/chat");

ChannelStanding standing(const char* channel, std::uint64_t sequence) {
  ChannelStanding made;
  made.state.model = model;
  made.state.channel = ChannelName::trusted(channel);
  made.state.epoch = 1;
  made.state.sequence = sequence;
  return made;
}

struct Desk {
  ManualClock clock{WallTime(std::chrono::seconds(1'700'000'000))};
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  crypto::PrivateKey root = crypto::PrivateKey::generate();
  Situation situation{1, true, {standing("beta", 1), standing("stable", 4)}};
  bool disk_fails = false;
  FreshnessDesk desk{open()};
  std::vector<Result<std::string>> answers;

  FreshnessDesk open() {
    return FreshnessDesk(FleetName::trusted("test-fleet"), key, clock, [this]() -> Result<Situation> {
      if (disk_fails) return fail("the disk is gone");
      return situation;
    });
  }
  manifest::Freshness read(const Result<std::string>& envelope) const {
    manifest::TrustRoot trust;
    trust.fleet = FleetName::trusted("test-fleet");
    trust.expires = clock.now() + 24h * 365;
    trust.keys = {root.public_key(), key.public_key()};
    trust.root_keys = {root.public_key().id()};
    trust.tracker_keys = {key.public_key().id()};
    auto verifier = must(manifest::Verifier::restore(manifest::sign(manifest::trust_root_type, manifest::encode(trust), {root})));
    return *must(verifier.freshness(must(manifest::SignedEnvelope::decode(must(envelope), manifest::freshness_limit)), clock.now()));
  }
  void ask(FreshnessDesk& at, std::uint64_t after, std::chrono::seconds patience = 50s) {
    at.ask(after, patience, [this](Result<std::string> answer) { answers.push_back(std::move(answer)); });
  }
  manifest::Freshness now(FreshnessDesk& at) {
    answers.clear();
    ask(at, 0);
    REQUIRE(answers.size() == 1);
    auto statement = read(answers[0]);
    answers.clear();
    return statement;
  }
  manifest::Freshness now() { return now(desk); }
};

}  // namespace

TEST_CASE("a statement lists every channel and is signed for a day") {
  Desk desk;
  must(desk.desk.refresh());
  auto statement = desk.now();
  CHECK(statement.trust_root == 1);
  CHECK(statement.issued == desk.clock.now());
  CHECK(statement.expires == desk.clock.now() + 24h);
  REQUIRE(statement.channels.size() == 2);
  CHECK(statement.find(model, ChannelName::trusted("stable"))->sequence == 4);
}

TEST_CASE("who knows the serial waits, and is answered when something changes") {
  Desk desk;
  must(desk.desk.refresh());
  auto before = desk.now();
  desk.ask(desk.desk, before.serial);
  desk.ask(desk.desk, before.serial);
  CHECK(desk.answers.empty());
  CHECK(desk.desk.waiting() == 2);
  must(desk.desk.refresh());  // nothing changed
  CHECK(desk.answers.empty());
  desk.situation.channels[1].state.sequence = 5;
  must(desk.desk.refresh());
  REQUIRE(desk.answers.size() == 2);
  auto after = desk.read(desk.answers[1]);
  CHECK(after.serial != before.serial);
  CHECK(after.find(model, ChannelName::trusted("stable"))->sequence == 5);
  CHECK(desk.desk.waiting() == 0);
  desk.answers.clear();
  desk.ask(desk.desk, before.serial);  // late: at once
  CHECK(desk.answers.size() == 1);
}

TEST_CASE("a halted channel and another trust root are changes, too") {
  Desk desk;
  must(desk.desk.refresh());
  auto first = desk.now();
  desk.situation.channels[0].state.halted = true;
  must(desk.desk.refresh());
  auto second = desk.now();
  CHECK(second.serial != first.serial);
  CHECK(second.find(model, ChannelName::trusted("beta"))->halted);
  desk.situation.trust_root = 2;
  must(desk.desk.refresh());
  CHECK(desk.now().serial != second.serial);
  CHECK(desk.now().trust_root == 2);
}

TEST_CASE("patience ends at its deadline, with the statement in force") {
  Desk desk;
  must(desk.desk.refresh());
  auto serial = desk.now().serial;
  desk.ask(desk.desk, serial, 20s);
  desk.ask(desk.desk, serial, 50s);
  desk.clock.advance(19s);
  desk.desk.sweep();
  CHECK(desk.answers.empty());
  desk.clock.advance(1s);
  desk.desk.sweep();
  REQUIRE(desk.answers.size() == 1);
  CHECK(desk.read(desk.answers[0]).serial == serial);
  CHECK(desk.desk.waiting() == 1);
  desk.ask(desk.desk, serial, 0s);
  CHECK(desk.answers.size() == 2);
}

TEST_CASE("a statement that grew old is issued again under its serial") {
  Desk desk;
  must(desk.desk.refresh());
  auto first = desk.now();
  desk.clock.advance(9min);
  CHECK(desk.now().issued == first.issued);
  desk.clock.advance(2min);
  auto again = desk.now();
  CHECK(again.issued == desk.clock.now());
  CHECK(again.serial == first.serial);
}

TEST_CASE("another start has another serial, even within the same second") {
  Desk desk;
  std::vector<std::uint64_t> serials;
  for (int i = 0; i < 3; ++i) {
    FreshnessDesk started = desk.open();
    must(started.refresh());
    serials.push_back(desk.now(started).serial);
  }
  CHECK(serials[0] != serials[1]);
  CHECK(serials[1] != serials[2]);
}

TEST_CASE("a tracker whose key the trust root does not name says so and states nothing") {
  Desk desk;
  desk.situation.may_sign = false;
  must(desk.desk.refresh());
  desk.ask(desk.desk, 0);
  REQUIRE(desk.answers.size() == 1);
  REQUIRE_FALSE(desk.answers[0].ok());
  CHECK(desk.answers[0].error().code == ErrorCode::not_found);
  CHECK(desk.answers[0].error().message.find("freshness.pub") != std::string::npos);
  desk.situation.may_sign = true;
  must(desk.desk.refresh());
  CHECK(desk.now().channels.size() == 2);
}

TEST_CASE("when the disk fails at a change, the next sweep makes up for it") {
  Desk desk;
  must(desk.desk.refresh());
  desk.ask(desk.desk, desk.now().serial);
  desk.situation.channels[1].state.sequence = 5;
  desk.disk_fails = true;
  CHECK_FALSE(desk.desk.refresh().ok());
  CHECK(desk.answers.empty());
  desk.desk.sweep();
  CHECK(desk.answers.empty());
  desk.disk_fails = false;
  desk.desk.sweep();
  REQUIRE(desk.answers.size() == 1);
  CHECK(desk.read(desk.answers[0]).channels[1].sequence == 5);
}

TEST_CASE("ten thousand wait and are all answered, a large statement in batches") {
  Desk desk;
  desk.situation.channels.clear();
  for (int i = 0; i < 1000; ++i) {
    std::string number = std::to_string(1000 + i);
    desk.situation.channels.push_back(standing(("c" + number).c_str(), 1));
  }
  must(desk.desk.refresh());
  auto serial = desk.now().serial;
  std::size_t answered = 0;
  for (int i = 0; i < 10'000; ++i) desk.desk.ask(serial, 50s, [&](const Result<std::string>& answer) { answered += answer.ok() ? 1 : 0; });
  CHECK(desk.desk.waiting() == 10'000);
  desk.situation.channels[7].state.sequence = 2;
  must(desk.desk.refresh());
  CHECK(answered > 0);
  CHECK(answered < 10'000);  // 64 MiB of answers at a time
  for (int i = 0; i < 100 && answered < 10'000; ++i) desk.desk.sweep();
  CHECK(answered == 10'000);
  CHECK(desk.desk.waiting() == 0);
}

TEST_CASE("a desk that closes leaves nobody waiting") {
  Desk desk;
  must(desk.desk.refresh());
  auto serial = desk.now().serial;
  desk.ask(desk.desk, serial);
  desk.desk.close();
  CHECK(desk.answers.size() == 1);
  desk.ask(desk.desk, serial);
  CHECK(desk.answers.size() == 2);
}

TEST_CASE("changes and questions from many threads end with the last change") {
  Desk desk;
  must(desk.desk.refresh());
  auto serial = desk.now().serial;
  std::atomic<int> answered{0};
  Guarded<std::uint64_t> sequence{std::uint64_t{10}};
  FreshnessDesk shared(FleetName::trusted("test-fleet"), desk.key, desk.clock, [&]() -> Result<Situation> {
    return Situation{1, true, {standing("stable", *sequence.lock())}};
  });
  must(shared.refresh());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          if (t % 2 == 0) {
            ++*sequence.lock();
            (void)shared.refresh();
          } else {
            shared.ask(serial, 50s, [&](const Result<std::string>&) { ++answered; });
            shared.sweep();
          }
        }
      });
  }
  shared.close();
  CHECK(answered == 100);
  CHECK(desk.now(shared).channels[0].sequence == 110);
}
