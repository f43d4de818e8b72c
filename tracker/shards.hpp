// Which channels have room in which freshness statement. No I/O.
#pragma once

#include <vector>

#include "base/units.hpp"
#include "tracker/freshness.hpp"

namespace shoal::tracker {

/// Of a channel in a statement, at most.
ByteCount listed_bytes(const ModelName& model, const ChannelName& channel);
/// One, while channels of `total` bytes have room in one statement; then as many as make each one small for who reads it.
std::uint32_t shard_count(ByteCount total, ByteCount room);

/// Where every channel stands, and what lists it.
struct Standings {
  std::vector<ChannelStanding> channels;  // sorted by model and channel
  std::uint32_t shards = 1;
  std::size_t left_out = 0;  // channels that their shard's statement has no room for: the youngest
};
/// From channels in the order in which they were made: each statement lists the first ones that have room in it. What is there goes on,
/// whatever comes later.
Standings allot(std::vector<ChannelStanding> oldest_first, ByteCount room);

}  // namespace shoal::tracker
