#include "swarm/grant_policy.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace shoal::swarm {
namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::duration<double>;

// How long a grant should be under way. Longer, and pieces wait at the source while nobody can pass them on; shorter, and the source
// idles while word of a finished piece comes back.
constexpr milliseconds target{300};
constexpr double first_window = 1;
// While there are few peers, each may have so many that these are under way in all.
constexpr std::size_t fewest_under_way = 8;
// So many grants may be under way in any case, and as many as the source finishes in this time. It begins with fewer: while nobody has
// anything, the first pieces are there sooner, and are passed on sooner, if they do not share the way with many others.
constexpr std::size_t smallest_limit = 16, first_limit = 4;
constexpr double limit_seconds = 0.5;
// A peer with so many more pieces to pass on than another is a neck.
constexpr std::int64_t pieces_ahead = 3;
constexpr milliseconds span{500};
constexpr double forget = 0.9;  // of the best rate, a span
// A peer that got nothing from others for so long is on its own.
constexpr milliseconds hungry_after{1000};
constexpr milliseconds look_again{100};
// Pieces that one in so many peers has are rare.
constexpr std::size_t rare_share = 8;
// One in so many pieces may go out again to peers that others feed. More cost copies, and ended no fetch sooner (docs/performance.md).
constexpr std::size_t again_share = 128;
// When all is out, peers of a source that is as fast as they are lack a tenth; those of one four times as fast lack more than half.
constexpr double ahead_share = 0.3;

}  // namespace

GrantPolicy::GrantPolicy(Piece pieces, std::uint64_t seed) : pieces_(pieces), random_(seed) {}

void GrantPolicy::hold(Piece piece, bool held) {
  pieces_.at(piece).held = held;
  changed_ = true;
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

GrantPolicy::Order GrantPolicy::order_of(Peer id, const PeerState& peer) const { return {peer.debt, peer.last_turn, id}; }

void GrantPolicy::change_debt(Peer id, std::int64_t by) {
  auto found = peers_.find(id);
  if (found == peers_.end() || !found->second.takes_grants) return;
  by_debt_.erase(order_of(id, found->second));
  found->second.debt += by;
  by_debt_.insert(order_of(id, found->second));
}

/// From now on the peer is the one that passes the piece on: to all who take grants and lack it, but itself.
void GrantPolicy::carry(Piece piece, Peer peer) {
  drop_carrier(piece);
  pieces_[piece].carrier = peer;
  change_debt(peer, static_cast<std::int64_t>(takers_));
}

void GrantPolicy::drop_carrier(Piece piece) {
  PieceState& state = pieces_[piece];
  if (state.carrier == nobody) return;
  change_debt(state.carrier, static_cast<std::int64_t>(state.taken) - static_cast<std::int64_t>(takers_));
  state.carrier = nobody;
}

GrantPolicy::Peer GrantPolicy::join(bool takes_grants, SteadyTime) {
  const Peer id = next_peer_++;
  changed_ = true;
  PeerState& peer = peers_[id];
  peer.takes_grants = takes_grants;
  peer.has.resize(pieces_.size());
  peer.lacks = static_cast<std::uint32_t>(pieces_.size());
  peer.window = first_window;
  if (!takes_grants) return id;
  for (const PieceState& piece : pieces_)
    if (piece.carrier != nobody) change_debt(piece.carrier, 1);
  ++takers_;
  by_debt_.insert(order_of(id, peer));
  return id;
}

void GrantPolicy::has(Peer id, Piece piece, SteadyTime now) {
  PeerState& peer = peers_.at(id);
  if (piece >= pieces_.size() || peer.has[piece]) return;
  peer.has[piece] = true;
  --peer.lacks;
  ++pieces_[piece].available;
  if (peer.takes_grants) {
    ++pieces_[piece].taken;
    if (pieces_[piece].carrier != nobody) change_debt(pieces_[piece].carrier, -1);
  }
  if (auto grant = peer.outstanding.find(piece); grant != peer.outstanding.end()) {
    const auto took = now - grant->second;
    peer.outstanding.erase(grant);
    --pieces_[piece].outstanding;
    --under_way_;
    finished(peer, took, now);
  } else {
    peer.fed = now;
  }
  refresh(piece);
}

void GrantPolicy::has_all(Peer id, SteadyTime now) {
  for (Piece piece = 0; piece < pieces_.size(); ++piece) has(id, piece, now);
}

void GrantPolicy::leave(Peer id) {
  auto found = peers_.find(id);
  if (found == peers_.end()) return;
  const PeerState peer = std::move(found->second);
  by_debt_.erase(order_of(id, peer));
  peers_.erase(found);
  if (peer.takes_grants) --takers_;
  changed_ = true;
  for (const auto& [piece, when] : peer.outstanding) --pieces_[piece].outstanding;
  under_way_ -= peer.outstanding.size();
  for (Piece i = 0; i < pieces_.size(); ++i) {
    PieceState& piece = pieces_[i];
    if (peer.has[i]) --piece.available;
    if (peer.has[i] && peer.takes_grants) --piece.taken;
    if (piece.carrier == id) piece.carrier = nobody;
    else if (piece.carrier != nobody && peer.takes_grants && !peer.has[i]) change_debt(piece.carrier, -1);
    refresh(i);
  }
}

/// A peer that finishes its grants fast gets more at a time: twice as many after each round, as long as they stay fast.
void GrantPolicy::finished(PeerState& peer, SteadyTime::duration took, SteadyTime now) {
  if (took < target) peer.window += 1;
  else if (took > 2 * target) peer.window = std::max(1.0, peer.window - 0.5);
  (void)limit(now);
  finished_in_span_ += 1;
  ++finished_;
  changed_ = true;
}

/// How many grants may be under way in all: what the source finishes in a while, at the best rate that was seen of late.
std::size_t GrantPolicy::limit(SteadyTime now) {
  if (const Seconds passed = now - span_start_; passed >= span) {
    const double rate = passed < 2 * span ? finished_in_span_ / passed.count() : 0;
    best_rate_ = std::max(best_rate_ * forget, rate);
    finished_in_span_ = 0;
    span_start_ = now;
  }
  const double rate = std::max(best_rate_, finished_in_span_ / Seconds(span).count());
  return std::max(std::min(smallest_limit, first_limit + finished_), static_cast<std::size_t>(rate * limit_seconds));
}

std::size_t GrantPolicy::window_of(const PeerState& peer) const {
  return std::max(static_cast<std::size_t>(peer.window), fewest_under_way / takers_);
}

bool GrantPolicy::is_fed(const PeerState& peer, SteadyTime now) const { return now - peer.fed < hungry_after; }

void GrantPolicy::grant(Peer id, PeerState& peer, Piece piece, SteadyTime now, std::vector<Grant>& grants) {
  const bool first = pieces_[piece].fresh;
  peer.outstanding.emplace(piece, now);
  ++under_way_;
  ++pieces_[piece].outstanding;
  ++granted_;
  if (peer.takes_grants) by_debt_.erase(order_of(id, peer));
  peer.last_turn = ++turn_;
  if (peer.takes_grants) by_debt_.insert(order_of(id, peer));
  if (first) carry(piece, id);
  refresh(piece);
  grants.push_back({id, piece});
}

/// Those who have the least to pass on come first. Who has much more to pass on than they gets nothing new, if others feed it.
void GrantPolicy::give_fresh(SteadyTime now, std::vector<Grant>& grants) {
  for (bool more = true; more && !fresh_.empty() && under_way_ < limit(now);) {
    more = false;
    std::optional<std::int64_t> least;
    for (const auto& [debt, turn, id] : by_debt_) {
      PeerState& peer = peers_.at(id);
      if (!wants(peer)) continue;
      if (!least) least = debt;
      const bool burdened = debt > *least + pieces_ahead * static_cast<std::int64_t>(takers_);
      if (peer.outstanding.size() >= window_of(peer) || (burdened && is_fed(peer, now))) continue;
      grant(id, peer, fresh_[random_() % fresh_.size()], now, grants);  // ends the loop: the order has changed
      more = true;
      break;
    }
  }
}

/// A piece that the peer lacks and that at most so many have or are promised; of these, one that the fewest have.
bool GrantPolicy::choose(const PeerState& peer, std::uint32_t most_copies, Piece& piece) {
  std::uint32_t best = most_copies + 1;
  std::uint64_t equals = 0;
  for (Piece i = 0; i < pieces_.size(); ++i) {
    const PieceState& state = pieces_[i];
    const std::uint32_t copies = state.available + state.outstanding;
    if (!state.held || copies > best || copies > most_copies || peer.has[i] || peer.outstanding.contains(i)) continue;
    if (copies < best) equals = 0;
    best = copies;
    if (random_() % ++equals == 0) piece = i;
  }
  return equals > 0;
}

/// Whether some piece has at most so many copies.
bool GrantPolicy::any_rare(std::uint32_t most_copies) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [&](const PieceState& piece) { return piece.held && piece.available + piece.outstanding <= most_copies; });
}

std::uint32_t GrantPolicy::few() const { return static_cast<std::uint32_t>(takers_ / rare_share); }

GrantPolicy::Help GrantPolicy::help_for(const PeerState& peer, SteadyTime now) const {
  if (ahead_ || !is_fed(peer, now)) return {~0U - 1, window_of(peer)};
  return {few(), 1};
}

/// Once each time that the last new piece went out.
void GrantPolicy::compare_with_peers() {
  if (std::exchange(all_out_, fresh_.empty()) || !fresh_.empty()) return;
  std::uint64_t lacks = 0;
  for (const auto& [id, peer] : peers_) lacks += peer.takes_grants ? peer.lacks : 0;
  ahead_ = static_cast<double>(lacks) > ahead_share * static_cast<double>(takers_) * static_cast<double>(pieces_.size());
}

/// Looks at all peers, so not at every word from one of them: when a grant was finished or a peer has come or gone, and now and then.
void GrantPolicy::give_by_need(SteadyTime now, std::vector<Grant>& grants) {
  if (!fresh_.empty() || under_way_ >= limit(now) || (!changed_ && now - looked_ < look_again)) return;
  changed_ = false;
  looked_ = now;
  std::vector<std::pair<std::uint64_t, Peer>> order;  // who waits longest comes first
  for (const auto& [debt, turn, id] : by_debt_)
    if (wants(peers_.at(id))) order.emplace_back(turn, id);
  std::sort(order.begin(), order.end());
  const bool rare = any_rare(few());
  for (const auto& [turn, id] : order) {
    PeerState& peer = peers_.at(id);
    const Help help = help_for(peer, now);
    const bool fed = help.most_copies <= few();
    if (fed && (!rare || again_ >= pieces_.size() / again_share)) continue;
    Piece piece = 0;
    while (wants(peer) && peer.outstanding.size() < help.outstanding && under_way_ < limit(now) && choose(peer, help.most_copies, piece)) {
      grant(id, peer, piece, now, grants);
      again_ += fed ? 1 : 0;
    }
  }
}

std::vector<GrantPolicy::Grant> GrantPolicy::next(SteadyTime now) {
  std::vector<Grant> grants;
  give_fresh(now, grants);
  compare_with_peers();
  give_by_need(now, grants);
  return grants;
}

}  // namespace shoal::swarm
