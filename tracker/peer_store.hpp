// Who is in which swarm, in memory. What is lost with the process comes back with the next announces.
#pragma once

#include <array>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/ids.hpp"
#include "tracker/endpoint.hpp"

namespace shoal::tracker {

struct Peer {
  NodeId machine;       // of the certificate; empty on the plain test listener
  std::string peer_id;  // 20 bytes
  std::string key;      // BEP 7; may be empty
  Endpoint endpoint;
  std::string site;     // where the machine stands; empty where unknown
  bool source = false;  // a machine with the role seeder
  bool complete = false;
  bool partial_seed = false;     // incomplete, and wants nothing more (BEP 21, event=paused)
  bool counted = false;          // its completed event was counted
  std::uint32_t introduced = 0;  // to how many it was handed out
  SteadyTime seen;

  bool wants_data() const { return !complete && !partial_seed; }
};

/// BEP 48, with `downloaders` of BEP 21.
struct SwarmCounts {
  std::uint32_t complete = 0;
  std::uint32_t incomplete = 0;
  std::uint32_t downloaders = 0;  // incomplete without the partial seeds
  std::uint64_t downloaded = 0;   // completed events
  bool operator==(const SwarmCounts&) const = default;
};

/// The peers of one info-hash. One thread at a time.
class Swarm {
 public:
  /// A certificate may stand for this many endpoints; with one more, the one that was silent longest goes.
  static constexpr std::size_t endpoints_per_machine = 4;

  /// Adds the peer or replaces what is known of it. The same certificate with the same peer id, key or endpoint is the same
  /// peer. A completed event counts once, and only for a peer that was seen incomplete.
  void apply(Peer peer, bool completed_event);
  void remove(const Peer& peer);
  void forget(const NodeId& machine);
  /// Forgets those that were last seen at or before `deadline`.
  void expire(SteadyTime deadline);

  const std::vector<Peer>& peers() const { return peers_; }
  /// peers()[i] was handed out once more.
  void introduced(std::size_t i) { ++peers_.at(i).introduced; }
  SwarmCounts counts() const;

 private:
  void make_room_for(const NodeId& machine);

  std::vector<Peer> peers_;
  std::uint64_t downloaded_ = 0;
};

/// All swarms. Thread-safe: each shard has a lock of its own.
class PeerStore {
 public:
  /// Runs `work(Swarm&)` with the swarm, made if need be, while its shard is locked.
  template <class Work>
  auto with_swarm(const InfoHash& info_hash, Work&& work) {
    auto shard = shard_of(info_hash).lock();
    return std::forward<Work>(work)((*shard)[info_hash]);
  }

  /// Those of one swarm; none where there is no swarm.
  struct Present {
    NodeId machine;
    bool complete = false;
  };
  std::vector<Present> present(const InfoHash& info_hash) const;

  /// Forgets peers that were silent since `deadline`, in every swarm.
  void expire(SteadyTime deadline);
  /// Forgets a machine, in every swarm.
  void forget(const NodeId& machine);

  /// Over all swarms that have peers.
  struct Totals {
    std::size_t swarms = 0, complete = 0, incomplete = 0;
  };
  Totals totals() const;

 private:
  using Shard = std::unordered_map<InfoHash, Swarm>;
  static constexpr std::size_t shard_count = 16;
  const Guarded<Shard>& shard_of(const InfoHash& info_hash) const { return shards_[info_hash.bytes[0] % shard_count]; }
  Guarded<Shard>& shard_of(const InfoHash& info_hash) { return shards_[info_hash.bytes[0] % shard_count]; }

  template <class Work>
  void for_each_swarm(Work work) {
    for (Guarded<Shard>& shard : shards_)
      shard.with([&](Shard& swarms) {
        for (auto& [info_hash, swarm] : swarms) work(swarm);
      });
  }

  std::array<Guarded<Shard>, shard_count> shards_;
};

}  // namespace shoal::tracker
