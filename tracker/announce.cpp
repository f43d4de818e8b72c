#include "tracker/announce.hpp"

#include "tracker/handout.hpp"

namespace shoal::tracker {
namespace {

Status check_peer_id(const std::string& peer_id, const NodeId& machine) {
  Result<NodeId> named = node_of_peer_id(peer_id);
  if (!named.ok() || *named == machine) return {};
  return fail(ErrorCode::not_enrolled, "peer_id names machine " + named->str() + ", but the certificate does not");
}

}  // namespace

Result<AnnounceAnswer> Announcer::announce(const AnnounceQuery& query, const Caller& caller) {
  if (!options_.registered(query.info_hash)) return unregistered(query.info_hash);
  SHOAL_CHECK(check_peer_id(query.peer_id, caller.machine));
  SHOAL_TRY(Peer peer, peer_of(query, caller));
  AnnounceAnswer answer{jittered_interval(), options_.interval / 2, {}, {}, peer.endpoint.ip, query.tracker_id, {}};
  if (options_.revoked && caller.machine != NodeId()) answer.revoked = options_.revoked();
  bool stopped = query.event == Event::stopped;
  std::size_t want = stopped ? 0 : query.numwant;
  peers_.with_swarm(query.info_hash, [&](Swarm& swarm) {
    swarm.expire(deadline());
    if (stopped) swarm.remove(peer);
    else swarm.apply(peer, query.event == Event::completed);
    answer.counts = swarm.counts();
    for (std::size_t i : choose_peers(swarm.peers(), peer, want, options_.random)) {
      answer.peers.push_back({swarm.peers()[i].peer_id, swarm.peers()[i].endpoint});
      swarm.introduced(i);
    }
  });
  return answer;
}

ScrapeAnswer Announcer::scrape(const std::vector<InfoHash>& hashes) {
  ScrapeAnswer answer;
  for (const InfoHash& hash : hashes)
    if (options_.registered(hash)) answer.emplace(hash, counts(hash));
  return answer;
}

SwarmCounts Announcer::counts(const InfoHash& info_hash) {
  return peers_.with_swarm(info_hash, [&](Swarm& swarm) {
    swarm.expire(deadline());
    return swarm.counts();
  });
}

void Announcer::sweep() { peers_.expire(deadline()); }

Error Announcer::unregistered(const InfoHash& info_hash) const {
  std::string reason = options_.withdrawn ? options_.withdrawn(info_hash) : "";
  if (reason.empty()) reason = "no release with this info_hash was published in this fleet";
  return fail(ErrorCode::not_found, "unregistered torrent: " + reason);
}

Result<Peer> Announcer::peer_of(const AnnounceQuery& query, const Caller& caller) const {
  // Only a machine with a certificate may name an address: peers dial it, and a lie must have a name.
  const bool named = !query.address.empty() && !caller.machine.empty();
  SHOAL_TRY(Endpoint endpoint, parse_endpoint(named ? query.address : caller.address, query.port));
  Peer peer;
  peer.machine = caller.machine;
  peer.peer_id = query.peer_id;
  peer.key = query.key;
  peer.endpoint = std::move(endpoint);
  peer.site = caller.site;
  peer.source = caller.source;
  peer.complete = query.left == 0U;
  peer.partial_seed = !peer.complete && query.event == Event::paused;
  peer.seen = clock_.steady_now();
  return peer;
}

/// Two intervals with their jitter, and time for an announce that is under way.
SteadyTime Announcer::deadline() const { return clock_.steady_now() - (options_.interval * 5 / 2 + std::chrono::seconds(10)); }

std::chrono::seconds Announcer::jittered_interval() const {
  auto tenth = options_.interval.count() / 10;
  auto moved = static_cast<std::int64_t>(options_.random(static_cast<std::uint64_t>(2 * tenth + 1))) - tenth;
  return options_.interval + std::chrono::seconds(moved);
}

}  // namespace shoal::tracker
