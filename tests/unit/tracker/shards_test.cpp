#include "tracker/shards.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::tracker;

namespace {

const ModelName model = ModelName::trusted("acme/chat");
constexpr ByteCount room = 1 * MiB - 4 * KiB;

std::vector<ChannelStanding> channels(std::size_t count) {
  std::vector<ChannelStanding> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    made[i].state.model = model;
    made[i].state.channel = ChannelName::trusted("c" + std::to_string(1'000'000 + i));
    made[i].place = manifest::place_of(model, made[i].state.channel);
  }
  return made;
}

/// The bytes of the largest shard.
ByteCount largest(const Standings& standings) {
  std::vector<ByteCount> bytes(standings.shards);
  for (const ChannelStanding& each : standings.channels)
    if (each.in_shard) bytes[manifest::shard_of(each.place, standings.shards).index] += listed_bytes(model, each.state.channel);
  return *std::max_element(bytes.begin(), bytes.end());
}

}  // namespace

TEST_CASE("a small fleet has one statement with all channels") {
  Standings standings = allot(channels(1000), room);
  CHECK(standings.shards == 1);
  CHECK(standings.left_out == 0);
  for (const ChannelStanding& each : standings.channels) CHECK((each.in_whole && each.in_shard));
}

TEST_CASE("each of a hundred thousand channels is in a statement, and the statements are small") {
  Standings standings = allot(channels(100'000), room);
  CHECK(standings.shards == 512);
  CHECK(standings.left_out == 0);
  CHECK(largest(standings) < 100 * KiB);
  std::size_t whole = 0;
  for (const ChannelStanding& each : standings.channels) whole += each.in_whole ? 1 : 0;
  CHECK(whole > 4000);
  CHECK(whole < 10'000);
}

TEST_CASE("the number of shards is a power of two that grows with the channels, and has an end") {
  CHECK(shard_count(0, room) == 1);
  CHECK(shard_count(room, room) == 1);
  CHECK(shard_count(room + 1, room) == 32);
  CHECK(shard_count(4 * room, room) == 128);
  CHECK(shard_count(ByteCount{1} << 50, room) == 4096);
  CHECK(shard_count(100, 0) == 128);
}

TEST_CASE("names that are chosen to fall into one shard leave it within its bounds, and what was there before listed") {
  auto made = channels(20'000);
  for (ChannelStanding& each : made) each.place = 7;
  Standings standings = allot(made, room);
  CHECK(standings.shards > 1);
  CHECK(standings.left_out > 0);
  CHECK(largest(standings) <= room);
  bool out = false;  // these names are sorted by age
  for (const ChannelStanding& each : standings.channels) {
    CHECK_FALSE((out && each.in_shard));
    out |= !each.in_shard;
  }
}
