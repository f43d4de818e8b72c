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
  bool operator==(const ChannelState&) const = default;
};

/// All channels of a fleet at one moment (TUF calls this timestamp and snapshot). Listing all of them together shows a channel that
/// is withheld alone.
struct Freshness {
  FleetName fleet;
  std::uint64_t serial = 0;      // differs after every change; what a long-poll waits for. No order is meant.
  std::uint64_t trust_root = 1;  // the newest version of the trust root
  WallTime issued;
  WallTime expires;
  std::vector<ChannelState> channels;  // sorted by model and channel

  /// Null where the channel is not listed.
  const ChannelState* find(const ModelName& model, const ChannelName& channel) const;
  bool operator==(const Freshness&) const = default;
};

Status check(const Freshness& freshness);
/// The payload bytes of a statement that passes check().
std::string encode(const Freshness& freshness);
Result<Freshness> decode_freshness(std::string_view payload);

}  // namespace shoal::manifest
