#include "node/track.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "node/floored_clock.hpp"
#include "node/subscriptions.hpp"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;

namespace {

const ChannelKey key{ModelName::trusted("acme/llama"), ChannelName::trusted("main")};

WallTime day(int number) { return WallTime(std::chrono::hours(24 * number)); }

}  // namespace

TEST_CASE("a track is read back as it was saved") {
  TempDirectory state;
  TrackStore store(state.path());
  Track track;
  track.phase = Phase::failed;
  track.wanted.emplace().bytes.fill(3);
  track.active.emplace().bytes.fill(4);
  track.note = "went back: answers in rhyme";
  track.reason = track.failure = "hook exec:/bin/false failed (exit 1), without output";
  track.failures = 2;
  track.retry_at = day(20000);
  track.pointer_expires = day(20001);
  track.halted = true;
  track.pointer = {2, 7};
  track.tried = {2, 6};
  test::must(store.save(key, track));
  Track again = test::must(store.load(key));
  CHECK(again.phase == Phase::failed);
  CHECK(again.wanted == track.wanted);
  CHECK(again.active == track.active);
  CHECK_FALSE(again.previous);
  CHECK(again.reason == track.reason);
  CHECK(again.failure == track.failure);
  CHECK(again.note == track.note);
  CHECK(again.failures == 2);
  CHECK(again.retry_at == track.retry_at);
  CHECK(again.pointer_expires == track.pointer_expires);
  CHECK(again.halted);
  CHECK(again.pointer == track.pointer);
  CHECK(again.tried == track.tried);
  CHECK(store.all().size() == 1);
}

TEST_CASE("a channel that was never followed starts idle, and a damaged track is an error, not a new one") {
  TempDirectory state;
  TrackStore store(state.path());
  CHECK(test::must(store.load(key)).phase == Phase::idle);
  test::must(store.save(key, Track()));
  std::ofstream(state.path() / "subscriptions/acme/llama/main.json") << R"({"phase":"half-way"})";
  CHECK_FALSE(store.load(key).ok());
  CHECK(store.all().empty());
}

TEST_CASE("subscriptions are added, replaced and removed") {
  TempDirectory state;
  SubscriptionFile file(state.path());
  CHECK(test::must(file.load()).empty());
  CHECK(test::must(file.add({key, {}})));
  CHECK_FALSE(test::must(file.add({key, {"systemd:vllm.service"}})));
  REQUIRE(test::must(file.load()).size() == 1);
  CHECK(test::must(file.load()).front() == Subscription{key, {"systemd:vllm.service"}});
  test::must(file.remove(key));
  CHECK(file.remove(key).error().code == ErrorCode::not_found);
}

TEST_CASE("one version cannot be followed, and the message says what can") {
  CHECK(test::must(parse_channel_key("acme/llama")).channel.str() == "main");
  CHECK(test::must(parse_channel_key("acme/llama:canary")).channel.str() == "canary");
  auto version = parse_channel_key("acme/llama@1.0");
  REQUIRE_FALSE(version.ok());
  CHECK(version.error().code == ErrorCode::usage);
  CHECK(version.error().message.find("acme/llama:main") != std::string::npos);
}
