// The tracker's own statement of where every channel stands. It can withhold and never invents: pointers are signed by others.
#pragma once

#include <vector>

#include "crypto/digest.hpp"
#include "manifest/release.hpp"

namespace shoal::manifest {

/// Where one channel stands.
struct ChannelState {
  ModelName model;
  ChannelName channel;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  Sha256 pointer;       // of the payload of the pointer that is in force
  bool halted = false;  // too many nodes reported that its release fails: who has not activated it yet does not
  ChannelRef ref() const { return {model, channel}; }
  bool operator==(const ChannelState&) const = default;
};

/// Where a channel lies among all of them: the first 12 bits of SHA-256 of "org/model:channel".
using ChannelPlace = std::uint16_t;
inline constexpr unsigned place_bits = 12;
ChannelPlace place_of(const ModelName& model, const ChannelName& channel);

/// One of `count` equal parts of all places. One part is the whole.
struct Shard {
  std::uint32_t index = 0;
  std::uint32_t count = 1;  // a power of two, 2^12 at most
  bool holds(ChannelPlace place) const { return place * count >> place_bits == index; }
  /// Whether some place lies in both.
  bool overlaps(const Shard& other) const;
  ChannelPlace first_place() const { return static_cast<ChannelPlace>((index << place_bits) / count); }
  bool operator==(const Shard&) const = default;
};
Shard shard_of(ChannelPlace place, std::uint32_t count);

/// All channels of a shard at one moment (TUF calls this timestamp and snapshot); the only shard of a small fleet has all of its channels.
/// Listing them together shows a channel that is withheld alone.
struct Freshness {
  FleetName fleet;
  std::uint64_t serial = 0;      // differs after every change; what a long-poll waits for. No order is meant.
  std::uint64_t trust_root = 1;  // the newest version of the trust root
  WallTime issued;
  WallTime expires;
  std::vector<ChannelState> channels;  // sorted by model and channel
  Shard shard = {};                    // of which these are the channels

  /// Whether it is the statement that lists this channel, if any does. One of another shard says nothing of it.
  bool speaks_of(const ModelName& model, const ChannelName& channel) const { return shard.holds(place_of(model, channel)); }
  /// Null where the channel is not listed.
  const ChannelState* find(const ModelName& model, const ChannelName& channel) const;
  bool operator==(const Freshness&) const = default;
};

Status check(const Freshness& freshness);
/// The payload bytes of a statement that passes check().
std::string encode(const Freshness& freshness);
Result<Freshness> decode_freshness(std::string_view payload);

}  // namespace shoal::manifest
