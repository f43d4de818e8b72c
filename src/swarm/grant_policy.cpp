#include "swarm/grant_policy.hpp"

#include <algorithm>
#include <tuple>

namespace shoal::swarm {
namespace {

using std::chrono::milliseconds;

// How long a grant should be under way. Longer, and pieces wait at the source while nobody can pass them on; shorter, and the source
// idles while word of a finished piece comes back.
constexpr milliseconds target{500};
constexpr double first_window = 2;
constexpr double smallest_window = 1;

}  // namespace

GrantPolicy::GrantPolicy(Piece pieces, std::uint64_t seed) : pieces_(pieces), random_(seed) {}

void GrantPolicy::hold(Piece piece, bool held) {
  pieces_.at(piece).held = held;
  refresh(piece);
}

/// Keeps fresh_ right after a change of the piece.
void GrantPolicy::refresh(Piece piece) {
  PieceState& state = pieces_[piece];
  const bool fresh = state.held && state.available == 0 && state.outstanding == 0;
  if (fresh == state.fresh) return;
  state.fresh = fresh;
  if (fresh) {
    state.fresh_at = static_cast<std::uint32_t>(fresh_.size());
    fresh_.push_back(piece);
    return;
  }
  fresh_[state.fresh_at] = fresh_.back();
  pieces_[fresh_.back()].fresh_at = state.fresh_at;
  fresh_.pop_back();
}

GrantPolicy::Peer GrantPolicy::join(bool takes_grants, SteadyTime) {
  const Peer id = next_peer_++;
  PeerState& peer = peers_[id];
  peer.takes_grants = takes_grants;
  peer.has.resize(pieces_.size());
  peer.lacks = static_cast<std::uint32_t>(pieces_.size());
  peer.window = first_window;
  return id;
}

void GrantPolicy::has(Peer id, Piece piece, SteadyTime now) {
  PeerState& peer = peers_.at(id);
  if (piece >= pieces_.size() || peer.has[piece]) return;
  peer.has[piece] = true;
  --peer.lacks;
  ++pieces_[piece].available;
  if (auto grant = peer.outstanding.find(piece); grant != peer.outstanding.end()) {
    adapt(peer, now - grant->second);
    peer.outstanding.erase(grant);
    --pieces_[piece].outstanding;
  }
  refresh(piece);
}

void GrantPolicy::has_all(Peer id, SteadyTime now) {
  for (Piece piece = 0; piece < pieces_.size(); ++piece) has(id, piece, now);
}

void GrantPolicy::leave(Peer id) {
  auto found = peers_.find(id);
  if (found == peers_.end()) return;
  const PeerState& peer = found->second;
  for (const auto& [piece, when] : peer.outstanding) --pieces_[piece].outstanding;
  for (Piece piece = 0; piece < pieces_.size(); ++piece)
    if (peer.has[piece]) --pieces_[piece].available;
  peers_.erase(found);
  for (Piece piece = 0; piece < pieces_.size(); ++piece) refresh(piece);
}

/// A peer that finishes its grants fast gets more at a time: twice as many after each round, as long as they stay fast.
void GrantPolicy::adapt(PeerState& peer, SteadyTime::duration took) {
  if (took < target) peer.window += 1;
  else if (took > 2 * target) peer.window = std::max(smallest_window, peer.window - 0.5);
}

std::size_t GrantPolicy::allowance(const PeerState& peer) const {
  if (!peer.takes_grants) return 0;
  return fresh_.empty() ? 1 : static_cast<std::size_t>(peer.window);
}

/// The piece that the fewest have or are promised.
bool GrantPolicy::choose(const PeerState& peer, Piece& piece) {
  if (!fresh_.empty()) {
    piece = fresh_[random_() % fresh_.size()];
    return true;
  }
  auto best = std::tuple(~0U, ~0U, ~0ULL);
  bool found = false;
  for (Piece i = 0; i < pieces_.size(); ++i) {
    const PieceState& state = pieces_[i];
    if (!state.held || peer.has[i] || peer.outstanding.contains(i)) continue;
    const auto need = std::tuple(state.available + state.outstanding, state.granted, random_());
    if (need >= best) continue;
    best = need;
    piece = i;
    found = true;
  }
  return found;
}

bool GrantPolicy::grant_to(Peer id, PeerState& peer, SteadyTime now, std::vector<Grant>& grants) {
  Piece piece = 0;
  if (peer.lacks <= peer.outstanding.size() || peer.outstanding.size() >= allowance(peer) || !choose(peer, piece)) return false;
  peer.outstanding.emplace(piece, now);
  peer.last_turn = ++turn_;
  ++pieces_[piece].outstanding;
  ++pieces_[piece].granted;
  ++granted_;
  refresh(piece);
  grants.push_back({id, piece});
  return true;
}

std::vector<GrantPolicy::Grant> GrantPolicy::next(SteadyTime now) {
  std::vector<Grant> grants;
  for (bool more = true; more;) {
    more = false;
    for (auto& [id, peer] : peers_) more |= grant_to(id, peer, now, grants);
  }
  return grants;
}

}  // namespace shoal::swarm
