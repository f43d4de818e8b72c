#include "tracker/handout.hpp"

#include <algorithm>

namespace shoal::tracker {
namespace {

using Indices = std::vector<std::size_t>;

struct Groups {
  Indices sources, near, far;
};

bool is_itself(const Peer& peer, const Peer& requester) {
  if (peer.machine != requester.machine) return false;
  return !requester.machine.empty() || peer.peer_id == requester.peer_id || peer.endpoint == requester.endpoint;
}

bool may_meet(const Peer& peer, const Peer& requester) {
  if (is_itself(peer, requester) || peer.endpoint.port <= 1) return false;
  return requester.wants_data() || peer.wants_data();
}

Groups group(const std::vector<Peer>& peers, const Peer& requester) {
  Groups groups;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const Peer& peer = peers[i];
    if (!may_meet(peer, requester)) continue;
    bool near = !requester.site.empty() && peer.site == requester.site;
    if (peer.source && peer.complete) groups.sources.push_back(i);
    else (near ? groups.near : groups.far).push_back(i);
  }
  return groups;
}

/// Moves `count` of `from` to the end of `to`, each the less known of two that are drawn uniformly.
void draw(Indices& to, Indices& from, std::size_t count, const std::vector<Peer>& peers, const Random& random) {
  count = std::min(count, from.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t one = i + random(from.size() - i), other = i + random(from.size() - i);
    std::swap(from[i], from[peers[from[other]].introduced < peers[from[one]].introduced ? other : one]);
    to.push_back(from[i]);
  }
}

}  // namespace

Indices choose_peers(const std::vector<Peer>& peers, const Peer& requester, std::size_t want, const Random& random) {
  Groups groups = group(peers, requester);
  Indices chosen;
  draw(chosen, groups.sources, want, peers, random);
  std::size_t places = want - chosen.size();
  std::size_t for_far = std::min(groups.far.size(), places / 5);
  draw(chosen, groups.near, places - for_far, peers, random);
  draw(chosen, groups.far, want - chosen.size(), peers, random);
  return chosen;
}

}  // namespace shoal::tracker
