#include "tracker/peer_store.hpp"

#include <algorithm>

namespace shoal::tracker {
namespace {

bool same_peer(const Peer& a, const Peer& b) {
  if (a.machine != b.machine) return false;
  if (a.peer_id == b.peer_id) return true;
  // Without a certificate, strangers share the empty machine and could collide in their keys.
  bool same_key = !a.machine.empty() && !a.key.empty() && a.key == b.key;
  bool reachable = a.endpoint.port > 1;  // many that accept no connections can share an address
  return same_key || (reachable && a.endpoint == b.endpoint);
}

}  // namespace

void Swarm::apply(Peer peer, bool completed_event) {
  bool was_incomplete = false;
  for (const Peer& known : peers_) {
    if (!same_peer(known, peer)) continue;
    was_incomplete = was_incomplete || !known.complete;
    peer.counted = peer.counted || known.counted;
    peer.introduced = std::max(peer.introduced, known.introduced);
  }
  if (completed_event && peer.complete && was_incomplete && !peer.counted) {
    peer.counted = true;
    ++downloaded_;
  }
  remove(peer);
  make_room_for(peer.machine);
  peers_.push_back(std::move(peer));
}

void Swarm::remove(const Peer& peer) {
  std::erase_if(peers_, [&](const Peer& known) { return same_peer(known, peer); });
}

void Swarm::expire(SteadyTime deadline) {
  std::erase_if(peers_, [&](const Peer& known) { return known.seen <= deadline; });
}

void Swarm::forget(const NodeId& machine) {
  std::erase_if(peers_, [&](const Peer& known) { return known.machine == machine; });
}

void Swarm::make_room_for(const NodeId& machine) {
  if (machine.empty()) return;
  std::size_t held = 0;
  auto oldest = peers_.end();
  for (auto it = peers_.begin(); it != peers_.end(); ++it) {
    if (it->machine != machine) continue;
    ++held;
    if (oldest == peers_.end() || it->seen < oldest->seen) oldest = it;
  }
  if (held >= endpoints_per_machine) peers_.erase(oldest);
}

SwarmCounts Swarm::counts() const {
  SwarmCounts counts;
  counts.downloaded = downloaded_;
  for (const Peer& peer : peers_) {
    ++(peer.complete ? counts.complete : counts.incomplete);
    if (peer.wants_data()) ++counts.downloaders;
  }
  return counts;
}

void PeerStore::expire(SteadyTime deadline) {
  for_each_swarm([&](Swarm& swarm) { swarm.expire(deadline); });
}

void PeerStore::forget(const NodeId& machine) {
  for_each_swarm([&](Swarm& swarm) { swarm.forget(machine); });
}

std::vector<PeerStore::Present> PeerStore::present(const InfoHash& info_hash) const {
  return shard_of(info_hash).with([&](const Shard& swarms) {
    std::vector<Present> present;
    auto found = swarms.find(info_hash);
    if (found == swarms.end()) return present;
    present.reserve(found->second.peers().size());
    for (const Peer& peer : found->second.peers()) present.push_back({peer.machine, peer.complete});
    return present;
  });
}

PeerStore::Totals PeerStore::totals() const {
  Totals totals;
  for (const auto& shard : shards_) {
    shard.with([&](const Shard& swarms) {
      for (const auto& [hash, swarm] : swarms) {
        const SwarmCounts counts = swarm.counts();
        totals.complete += counts.complete;
        totals.incomplete += counts.incomplete;
        totals.swarms += counts.complete + counts.incomplete > 0 ? 1 : 0;
      }
    });
  }
  return totals;
}

}  // namespace shoal::tracker
