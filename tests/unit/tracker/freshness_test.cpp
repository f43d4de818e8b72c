#include "tracker/freshness.hpp"

#include <thread>

#include "doctest/doctest.h"
#include "manifest/trust.hpp"
#include "registry/freshness_query.hpp"
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
  made.place = manifest::place_of(model, made.state.channel);
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
  using Places = FreshnessDesk::Places;
  void ask_of(Places places, std::uint64_t after, std::chrono::seconds patience = 50s) {
    desk.ask(std::move(places), after, patience, [this](Result<std::string> answer) { answers.push_back(std::move(answer)); });
  }
  /// The statements for these places, at once.
  std::vector<manifest::Freshness> now_of(Places places) {
    std::vector<Result<std::string>> before = std::move(answers);
    answers.clear();
    ask_of(std::move(places), 0);
    REQUIRE(answers.size() == 1);
    std::vector<manifest::Freshness> statements;
    for (const std::string& each : must(registry::split_statements(must(answers[0])))) statements.push_back(read(each));
    answers = std::move(before);
    return statements;
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

namespace {

/// Eight shards. The statement for all has no room for the youngest, "newest".
struct Large : Desk {
  static constexpr std::uint32_t count = 8;
  Large() {
    situation.channels.push_back(standing("newest", 1));
    situation.channels.back().in_whole = false;
    std::sort(situation.channels.begin(), situation.channels.end(),
              [](const auto& a, const auto& b) { return a.state.channel < b.state.channel; });
    situation.shards = count;
    must(desk.refresh());
  }
  ChannelStanding& of(const char* name) {
    return *std::find_if(situation.channels.begin(), situation.channels.end(),
                         [&](const auto& each) { return each.state.channel.str() == name; });
  }
  std::uint32_t shard(const char* name) { return manifest::shard_of(of(name).place, count).index; }
};

const ChannelName newest = ChannelName::trusted("newest");

}  // namespace

TEST_CASE("a channel that has no room in the statement for all is in that of its shard, with others of the shard alone") {
  Large desk;
  CHECK(desk.now().find(model, newest) == nullptr);
  CHECK(desk.now().channels.size() == 2);
  CHECK(desk.now().shard == manifest::Shard{});
  auto statements = desk.now_of({desk.of("newest").place});
  REQUIRE(statements.size() == 1);
  CHECK(statements[0].shard == manifest::Shard{desk.shard("newest"), 8});
  REQUIRE(statements[0].find(model, newest) != nullptr);
  for (const auto& each : statements[0].channels) CHECK(statements[0].speaks_of(each.model, each.channel));
}

TEST_CASE("places are answered with one statement for each shard in which they lie, and in a small fleet with the one for all") {
  Large desk;
  desk.situation.channels.clear();
  must(desk.desk.refresh());
  CHECK(desk.now_of({0x000, 0x001, 0x1ff, 0x200, 0xfff}).size() == 3);
  desk.situation.shards = 1;
  must(desk.desk.refresh());
  auto statements = desk.now_of({0x000, 0x200, 0xfff});
  REQUIRE(statements.size() == 1);
  CHECK(statements[0].shard == manifest::Shard{});
}

TEST_CASE("a change wakes who waits for its shard, and nobody else; its shard alone is signed again") {
  Large desk;
  REQUIRE(desk.shard("newest") != desk.shard("stable"));
  const auto newest_before = desk.now_of({desk.of("newest").place})[0], stable_before = desk.now_of({desk.of("stable").place})[0];
  const auto whole_before = desk.now();
  desk.ask_of({desk.of("newest").place}, newest_before.serial);
  desk.ask_of({desk.of("stable").place}, stable_before.serial);
  desk.ask(desk.desk, whole_before.serial);
  desk.clock.advance(60s);
  ++desk.of("newest").state.sequence;
  must(desk.desk.refresh());
  REQUIRE(desk.answers.size() == 1);
  CHECK(desk.read(desk.answers[0]).find(model, newest)->sequence == 2);
  CHECK(desk.read(desk.answers[0]).issued == desk.clock.now());
  CHECK(desk.now_of({desk.of("stable").place})[0].issued == stable_before.issued);  // as it was signed a minute ago
  ++desk.of("stable").state.sequence;
  must(desk.desk.refresh());
  CHECK(desk.answers.size() == 3);
  CHECK(desk.desk.waiting() == 0);
}

TEST_CASE("who waits for several shards hears of a change in any of them, with a serial that tells it") {
  Large desk;
  const Desk::Places both{desk.of("newest").place, desk.of("stable").place};
  auto serial = [&] {
    std::uint64_t highest = 0;
    for (const auto& each : desk.now_of(both)) highest = std::max(highest, each.serial);
    return highest;
  };
  for (const char* name : {"newest", "stable", "newest"}) {
    CAPTURE(name);
    const std::uint64_t before = serial();
    desk.ask_of(both, before);
    CHECK(desk.answers.empty());
    ++desk.of(name).state.sequence;
    must(desk.desk.refresh());
    REQUIRE(desk.answers.size() == 1);
    CHECK(serial() != before);
    desk.ask_of(both, before);  // late: at once
    CHECK(desk.answers.size() == 2);
    desk.answers.clear();
  }
}

TEST_CASE("another number of shards is a change for everybody, in both directions, and so is a channel that goes") {
  Large desk;
  const auto place = desk.of("newest").place;
  for (std::uint32_t count : {16u, 1u, 8u}) {
    CAPTURE(count);
    const auto before = desk.now_of({place})[0];
    desk.ask_of({place}, before.serial);
    desk.ask(desk.desk, desk.now().serial);
    desk.situation.shards = count;
    must(desk.desk.refresh());
    REQUIRE(desk.answers.size() == 2);
    desk.answers.clear();
    const auto after = desk.now_of({place})[0];
    CHECK(after.serial != before.serial);
    CHECK(after.shard.count == count);
  }
  desk.ask_of({place}, desk.now_of({place})[0].serial);
  std::erase_if(desk.situation.channels, [](const auto& each) { return each.state.channel == newest; });
  must(desk.desk.refresh());
  REQUIRE(desk.answers.size() == 1);
  CHECK(desk.read(desk.answers[0]).find(model, newest) == nullptr);
}

TEST_CASE("pointers that end soon, that have expired and that are halted are counted for the epoch in force") {
  Desk desk;
  auto& channels = desk.situation.channels;
  channels = {standing("a", 1), standing("b", 1), standing("c", 1), standing("d", 1)};
  for (auto& channel : channels) channel.expires = desk.clock.now() + 24h * 90;
  channels[0].state.halted = true;
  channels[1].expires = desk.clock.now() + 24h;
  channels[2].expires = desk.clock.now();
  channels[3].state.epoch += 1;
  channels[3].state.halted = true;
  must(desk.desk.refresh());
  const auto ends = desk.desk.ends(channels[0].state.epoch);
  CHECK(ends.halted == 1);
  CHECK(ends.soon == 2);
  CHECK(ends.expired == 1);
  CHECK(ends.soonest == desk.clock.now());
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
