#include "tracker/shards.hpp"

#include <algorithm>
#include <bit>
#include <tuple>

namespace shoal::tracker {
namespace {

constexpr ByteCount entry_bytes = 176;  // beside its names
constexpr ByteCount fraction = 16;      // of the room in a statement that those of several shards take on average, at most

bool take_room(ByteCount bytes, ByteCount& room) {
  const bool fits = bytes <= room;
  room = fits ? room - bytes : 0;  // who comes later goes without, too
  return fits;
}

}  // namespace

ByteCount listed_bytes(const ModelName& model, const ChannelName& channel) {
  return entry_bytes + model.str().size() + channel.str().size();
}

std::uint32_t shard_count(ByteCount total, ByteCount room) {
  if (total <= room) return 1;
  const ByteCount wanted = total / std::max<ByteCount>(room / fraction, 1) + 1;
  return static_cast<std::uint32_t>(std::bit_ceil(std::min<ByteCount>(wanted, 1u << manifest::place_bits)));
}

Standings allot(std::vector<ChannelStanding> oldest_first, ByteCount room) {
  Standings standings;
  ByteCount total = 0;
  for (const ChannelStanding& standing : oldest_first) total += listed_bytes(standing.state.model, standing.state.channel);
  standings.shards = shard_count(total, room);
  ByteCount of_whole = room;
  std::vector<ByteCount> of_shard(standings.shards, room);
  for (ChannelStanding& standing : oldest_first) {
    const ByteCount bytes = listed_bytes(standing.state.model, standing.state.channel);
    standing.in_whole = take_room(bytes, of_whole);
    standing.in_shard = take_room(bytes, of_shard[manifest::shard_of(standing.place, standings.shards).index]);
    standings.left_out += standing.in_shard ? 0 : 1;
  }
  standings.channels = std::move(oldest_first);
  std::sort(standings.channels.begin(), standings.channels.end(), [](const ChannelStanding& a, const ChannelStanding& b) {
    return std::tie(a.state.model, a.state.channel) < std::tie(b.state.model, b.state.channel);
  });
  return standings;
}

}  // namespace shoal::tracker
