#include "tracker/handout.hpp"

#include <algorithm>

namespace shoal::tracker {
namespace {

constexpr std::size_t usually_far = 2;

using Indices = std::vector<std::size_t>;

struct Groups {
  Indices sources, near, open, far;  // open: nobody knows whether they are near
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
    if (peer.source && peer.complete) groups.sources.push_back(i);
    else if (requester.site.empty() || peer.site.empty()) groups.open.push_back(i);
    else (peer.site == requester.site ? groups.near : groups.far).push_back(i);
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

std::size_t places_for_far(const Groups& groups, std::size_t places) {
  // Who has nobody else takes whomever there is.
  const std::size_t most = groups.near.empty() && groups.open.empty() ? places : std::min(usually_far, places / 2);
  return std::min(groups.far.size(), most);
}

}  // namespace

Indices choose_peers(const std::vector<Peer>& peers, const Peer& requester, std::size_t want, const Random& random) {
  Groups groups = group(peers, requester);
  Indices chosen;
  draw(chosen, groups.sources, want, peers, random);
  const std::size_t places = want - chosen.size(), for_far = places_for_far(groups, places);
  const std::size_t for_open = std::min(groups.open.size(), places / 5 - std::min(places / 5, for_far));
  draw(chosen, groups.near, places - for_far - for_open, peers, random);
  draw(chosen, groups.open, want - chosen.size() - for_far, peers, random);
  draw(chosen, groups.far, for_far, peers, random);
  return chosen;
}

}  // namespace shoal::tracker
