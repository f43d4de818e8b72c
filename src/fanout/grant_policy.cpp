#include "fanout/grant_policy.hpp"

#include <algorithm>
#include <utility>

namespace shoal::fanout {
namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::duration<double>;

// How long a grant should be under way, where twice the quickest one is not more. Longer, and pieces wait at the source while nobody can
// pass them on; shorter, and the source idles while word of a finished piece comes back.
constexpr milliseconds target{300};
constexpr double first_window = 1;
// Grants outstanding in all while there are few peers, shared among them.
constexpr std::size_t fewest_under_way = 8;
// The limit of outstanding grants: at least this many, and as many as the source finishes in `limit_seconds`. A source begins with fewer:
// while nobody has anything, the first pieces arrive sooner, and are passed on sooner, if they do not share the uplink with many others.
constexpr std::size_t smallest_limit = 16, first_limit = 4;
constexpr double limit_seconds = 0.5;
// A grant is stalled after this time, and after three times as long as others took.
constexpr milliseconds stands_still{1000};
// A peer with this many more pieces to pass on than another is a bottleneck.
constexpr std::int64_t pieces_ahead = 3;
constexpr milliseconds span{500};
constexpr double forget = 0.9;  // of the best rate, a span
// A peer that received nothing from others in this time, and in three times its usual gap, depends on the source.
constexpr milliseconds hungry_after{1000};
constexpr milliseconds far_hungry_after{3000};  // links between sites are the slow ones
constexpr milliseconds look_again{100};
// A piece is rare while fewer than one in `rare_share` peers have it.
constexpr std::size_t rare_share = 8;
// One in `repeat_share` pieces may go out again to peers that others feed. More cost copies, and ended no fetch sooner (docs/fan-out.md).
constexpr std::size_t repeat_share = 128;
// A complete peer that left this source still passes pieces on to others: it counts as a carrier for this long.
constexpr milliseconds departed_for{5000};

SteadyTime::duration smoothed(SteadyTime::duration before, SteadyTime::duration sample) {
  return before == SteadyTime::duration::zero() ? sample : before + (sample - before) / 4;
}

}  // namespace

GrantPolicy::GrantPolicy(Piece pieces, std::uint64_t order, std::uint64_t seed, std::size_t most, const std::vector<Piece>& first)
    : most_(most), pieces_(pieces), fresh_(pieces, order, seed, first), held_(pieces), rare_(pieces), random_(seed) {}

void GrantPolicy::set_held(Piece piece, bool held) {
  pieces_.at(piece).held = held;
  held_.set(fresh_.rank(piece), held);
  changed_ = true;
  refresh(piece);
}

/// Keeps the sets of pieces right after a change of the piece.
void GrantPolicy::refresh(Piece piece) {
  const PieceState& state = pieces_[piece];
  const bool useful = state.held && state.taken < takers_;
  fresh_.set(piece, useful && state.all() == 0);
  rare_.set(fresh_.rank(piece), useful && state.all() <= std::max(1U, rare_limit()));
}

/// After a change of those who take grants.
void GrantPolicy::refresh_all() {
  for (Piece piece = 0; piece < pieces_.size(); ++piece) refresh(piece);
}

// ---- who is here ----

GrantPolicy::Peer GrantPolicy::join(PeerKind kind, SteadyTime now) {
  const Peer id = next_peer_++;
  changed_ = true;
  PeerState& peer = peers_[id];
  peer.kind = kind;
  peer.lacks = NumberSet(static_cast<NumberSet::Number>(pieces_.size()));
  for (Piece piece = 0; piece < pieces_.size(); ++piece) peer.lacks.insert(piece);
  if (kind == PeerKind::source) peer.brought.resize(pieces_.size());
  peer.window = first_window;
  if (peer.is_far()) far_.insert(id);
  if (peer.is_far()) peer.last_fed = now;  // a while for those who are to feed it
  if (!peer.passes_on()) return id;
  // It lacks all that others carry.
  for (const auto& [other, state] : peers_) change_debt(other, static_cast<std::int64_t>(state.carries.size()));
  ++takers_;
  by_debt_.insert(order_of(id, peer));
  refresh_all();
  return id;
}

void GrantPolicy::note_brought(Peer id, Piece piece) {
  PeerState& peer = peers_.at(id);
  if (piece >= pieces_.size() || !lacks(peer, piece) || peer.outstanding.contains(piece)) return;
  peer.lacks.erase(fresh_.rank(piece));
  if (peer.kind == PeerKind::source) peer.brought[piece] = true;
  else ++copies_of(peer, piece).available;
  if (peer.passes_on()) note_taken(piece);
  refresh(piece);
}

void GrantPolicy::note_has(Peer id, Piece piece, SteadyTime now) {
  PeerState& peer = peers_.at(id);
  if (piece >= pieces_.size() || !lacks(peer, piece)) return;
  peer.lacks.erase(fresh_.rank(piece));
  Copies& copies = copies_of(peer, piece);
  ++copies.available;
  if (!peer.is_far()) pieces_[piece].last_grown = now;
  if (peer.passes_on()) note_taken(piece);
  if (auto grant = peer.outstanding.find(piece); grant != peer.outstanding.end()) {
    note_finished(peer, grant->second, now);
    stop_counting(grant->second);
    peer.outstanding.erase(grant);
    --copies.outstanding;
    --under_way_;
  } else {
    // Another source also sent it, and may be sending the pieces that come next here.
    if (!peer.is_far() && copies.outstanding > 0 && copies.available == 1) fresh_.jump();
    note_fed(peer, now);
  }
  refresh(piece);
}

void GrantPolicy::wish(Peer id, Piece piece) {
  PeerState& peer = peers_.at(id);
  if (piece >= pieces_.size() || !peer.passes_on() || !lacks(peer, piece) || peer.wishes.size() >= most_wishes) return;
  peer.wishes.push_back(piece);
  wishing_.insert(id);
}

GrantPolicy::Peer GrantPolicy::change(Peer id, PeerKind kind, SteadyTime now) {
  const PeerState before = peers_.at(id);
  remove(id);
  const Peer changed = join(kind, now);
  for (Piece piece = 0; piece < pieces_.size(); ++piece)
    if (!lacks(before, piece)) note_brought(changed, piece);
  PeerState& peer = peers_.at(changed);
  peer.last_fed = std::max(peer.last_fed, before.last_fed);
  peer.gap = before.gap;
  return changed;
}

void GrantPolicy::leave(Peer id, SteadyTime now) {
  auto found = peers_.find(id);
  if (found == peers_.end()) return;
  if (found->second.lacks.empty() && found->second.kind != PeerKind::source) departed_.push_back({now, id});
  else remove(id);
}

void GrantPolicy::forget_departed(SteadyTime now) {
  for (; !departed_.empty() && now - departed_.front().when >= departed_for; departed_.pop_front()) remove(departed_.front().peer);
}

void GrantPolicy::remove(Peer id) {
  auto node = peers_.extract(id);
  if (node.empty()) return;
  PeerState& peer = node.mapped();
  changed_ = true;
  for (auto& [piece, grant] : peer.outstanding) {
    stop_counting(grant);
    --copies_of(peer, piece).outstanding;
  }
  under_way_ -= peer.outstanding.size();
  for (const Piece piece : peer.carries) pieces_[piece].carrier = nobody;
  far_.erase(id);
  wishing_.erase(id);
  if (peer.passes_on()) {
    by_debt_.erase(order_of(id, peer));
    --takers_;
    for (auto& [other, state] : peers_) {
      const auto lacked = std::count_if(state.carries.begin(), state.carries.end(), [&](Piece piece) { return lacks(peer, piece); });
      change_debt(other, -lacked);
    }
  }
  for (Piece piece = 0; piece < pieces_.size(); ++piece) {
    if (lacks(peer, piece)) continue;
    if (peer.passes_on()) --pieces_[piece].taken;
    if (!peer.brought_it(piece)) --copies_of(peer, piece).available;
  }
  refresh_all();
}

// ---- who carries what ----

void GrantPolicy::change_debt(Peer id, std::int64_t by) {
  auto found = peers_.find(id);
  if (by == 0 || found == peers_.end() || !found->second.passes_on()) return;
  by_debt_.erase(order_of(id, found->second));
  found->second.debt += by;
  by_debt_.insert(order_of(id, found->second));
}

/// From now on the peer is the one that passes the piece on: to all who take grants and lack it, but itself.
void GrantPolicy::set_carrier(Piece piece, Peer id, PeerState& peer) {
  drop_carrier(piece);
  pieces_[piece].carrier = id;
  peer.carries.insert(piece);
  change_debt(id, static_cast<std::int64_t>(takers_) - static_cast<std::int64_t>(pieces_[piece].taken));
}

void GrantPolicy::drop_carrier(Piece piece) {
  PieceState& state = pieces_[piece];
  if (state.carrier == nobody) return;
  peers_.at(state.carrier).carries.erase(piece);
  change_debt(state.carrier, static_cast<std::int64_t>(state.taken) - static_cast<std::int64_t>(takers_));
  state.carrier = nobody;
}

/// One more of those that take grants has the piece. When most have it, whoever lacks it is no longer the carrier's: a slow peer, or one
/// that comes late, would be a debt of all others.
void GrantPolicy::note_taken(Piece piece) {
  PieceState& state = pieces_[piece];
  ++state.taken;
  if (state.carrier == nobody) return;
  change_debt(state.carrier, -1);
  if (2 * state.taken > takers_) drop_carrier(piece);
}

// ---- how fast everybody is ----

void GrantPolicy::note_fed(PeerState& peer, SteadyTime now) {
  if (peer.last_fed != SteadyTime{}) peer.gap = smoothed(peer.gap, std::min<SteadyTime::duration>(now - peer.last_fed, 10 * hungry_after));
  peer.last_fed = now;
}

SteadyTime::duration GrantPolicy::patience(const PeerState& peer) const {
  return std::max<SteadyTime::duration>(peer.is_far() ? far_hungry_after : hungry_after, 3 * peer.gap);
}

/// A peer that finishes its grants fast gets more at a time: twice as many after each round, as long as they stay fast.
void GrantPolicy::note_finished(PeerState& peer, const Outstanding& grant, SteadyTime now) {
  const auto took = now - grant.since;
  quickest_ = std::min(quickest_, took);
  pace_ = smoothed(pace_, took);
  const auto fast = std::max<SteadyTime::duration>(target, 2 * quickest_);
  if (took < fast) peer.window += 1;
  else if (took > 2 * fast) peer.window = std::max(1.0, peer.window - 0.5);
  (void)limit(now);
  finished_in_span_ += 1;
  ++finished_;
  changed_ = true;
}

void GrantPolicy::stop_counting(Outstanding& grant) { counted_ -= std::exchange(grant.counts, false) ? 1 : 0; }

/// Stalled grants no longer count. Until the first grant is finished, nothing shows what is slow.
void GrantPolicy::expire_stalled(SteadyTime now) {
  const auto still = finished_ == 0 ? 2 * stands_still : std::max<SteadyTime::duration>(stands_still, 3 * pace_);
  for (; !ages_.empty() && now - ages_.front().since >= still; ages_.pop_front()) {
    const Age& oldest = ages_.front();
    auto peer = peers_.find(oldest.peer);
    if (peer == peers_.end()) continue;
    auto grant = peer->second.outstanding.find(oldest.piece);
    if (grant != peer->second.outstanding.end() && grant->second.since == oldest.since) stop_counting(grant->second);
  }
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
  return std::min(most_, std::max(std::min(smallest_limit, first_limit + finished_), static_cast<std::size_t>(rate * limit_seconds)));
}

std::size_t GrantPolicy::window_of(const PeerState& peer) const {
  return std::max(static_cast<std::size_t>(peer.window), fewest_under_way / std::max<std::size_t>(1, takers_));
}

// ---- grants ----

void GrantPolicy::grant(Peer id, PeerState& peer, Piece piece, SteadyTime now, std::vector<Grant>& grants) {
  const bool first = !peer.is_far() && fresh_.contains(piece);
  peer.outstanding.emplace(piece, Outstanding{now});
  ages_.push_back({now, id, piece});
  ++under_way_;
  ++counted_;
  ++copies_of(peer, piece).outstanding;
  ++granted_;
  move_to_back(id, peer);
  if (first) set_carrier(piece, id, peer);
  refresh(piece);
  grants.push_back({id, piece});
}

void GrantPolicy::move_to_back(Peer id, PeerState& peer) {
  if (peer.passes_on()) by_debt_.erase(order_of(id, peer));
  peer.last_turn = ++turn_;
  if (peer.passes_on()) by_debt_.insert(order_of(id, peer));
}

/// Peers that have the least to pass on come first. One that has much more to pass on than they gets nothing new, if others feed it.
bool GrantPolicy::give_one_fresh(SteadyTime now, std::vector<Grant>& grants) {
  const PeerState* least = nullptr;
  for (const auto& [debt, turn, id] : by_debt_) {
    PeerState& peer = peers_.at(id);
    if (!wants(peer) || !has_new_for(peer)) continue;
    if (least == nullptr) least = &peer;
    const bool burdened = debt > least->debt + pieces_ahead * static_cast<std::int64_t>(takers_);
    if (peer.outstanding.size() >= window_of(peer) || (burdened && is_fed(peer, now))) continue;
    grant(id, peer, fresh_.next(peer.lacks).value(), now, grants);  // the order has changed
    return true;
  }
  return false;
}

/// Peers take turns, so that none fills its window while another waits.
void GrantPolicy::give_wished(SteadyTime now, std::vector<Grant>& grants) {
  for (bool gave = true; gave;) {
    gave = false;
    for (auto next = wishing_.begin(); next != wishing_.end();) {
      const Peer id = *next++;
      gave |= give_one_wished(id, now, grants);
      if (peers_.at(id).wishes.empty()) wishing_.erase(id);
    }
  }
}

bool GrantPolicy::give_one_wished(Peer id, SteadyTime now, std::vector<Grant>& grants) {
  PeerState& peer = peers_.at(id);
  while (!peer.wishes.empty() && has_room(now) && peer.outstanding.size() < window_of(peer)) {
    const Piece piece = peer.wishes.front();
    peer.wishes.pop_front();
    if (!fresh_.contains(piece) || !lacks(peer, piece)) continue;
    grant(id, peer, piece, now, grants);
    return true;
  }
  return false;
}

std::uint32_t GrantPolicy::rare_limit() const { return static_cast<std::uint32_t>(takers_ / rare_share); }

/// The peer that has waited longest comes first.
std::vector<GrantPolicy::Peer> GrantPolicy::waiting() const {
  std::vector<std::pair<std::uint64_t, Peer>> order;
  for (const auto& [debt, turn, id] : by_debt_)
    if (wants(peers_.at(id))) order.emplace_back(turn, id);
  std::sort(order.begin(), order.end());
  std::vector<Peer> peers;
  for (const auto& [turn, id] : order) peers.push_back(id);
  return peers;
}

/// They come first, since there are none where nearer ones pass on.
void GrantPolicy::give_to_far(SteadyTime now, std::vector<Grant>& grants) {
  if (far_.empty() || now - last_far_pass_ < look_again) return;
  last_far_pass_ = now;
  std::vector<Peer> order(far_.upper_bound(last_far_), far_.end());  // none is served twice before all were
  order.insert(order.end(), far_.begin(), far_.upper_bound(last_far_));
  for (const Peer id : order) {
    PeerState& peer = peers_.at(id);
    if (is_fed(peer, now) || !has_room(now)) continue;
    give_anything(id, peer, 1, now, grants);
    last_far_ = id;
  }
}

/// Looks at all peers, so it runs only when a grant was finished, when a peer came or left, and now and then. A peer for which others will
/// soon have new pieces does not wait for stalled ones.
void GrantPolicy::give_by_need(SteadyTime now, std::vector<Grant>& grants) {
  const bool is_due = now - last_need_pass_ >= look_again || (changed_ && fresh_.empty());
  if (!is_due || !has_room(now)) return;
  changed_ = false;
  last_need_pass_ = now;
  for (const Peer id : waiting()) {
    PeerState& peer = peers_.at(id);
    if (has_new_for(peer)) continue;
    if (!is_fed(peer, now)) give_anything(id, peer, window_of(peer), now, grants);
    else give_rare(id, peer, now, grants);
  }
}

/// Of those that the peer lacks and that fit, the piece that the fewest on the peer's side have or are promised; chance decides between
/// equals.
template <class Fits>
std::optional<GrantPolicy::Piece> GrantPolicy::fewest_copies(const PeerState& peer, const NumberSet& among, Fits fits) {
  std::optional<Piece> chosen;
  std::uint32_t fewest = ~0U, equals = 0;
  NumberSet::each_common(among, peer.lacks, [&](PieceRound::Rank rank) {
    const Piece piece = fresh_.piece(rank);
    const std::uint32_t found = copies_of(peer, piece).all();
    if (found > fewest || peer.outstanding.contains(piece) || !fits(piece)) return;
    if (found < fewest) equals = 0;
    fewest = found;
    if (random_() % ++equals == 0) chosen = piece;
  });
  return chosen;
}

void GrantPolicy::give_anything(Peer id, PeerState& peer, std::size_t most, SteadyTime now, std::vector<Grant>& grants) {
  while (wants(peer) && peer.outstanding.size() < most && has_room(now)) {
    auto chosen = fewest_copies(peer, fresh_.first(), [&](Piece piece) { return pieces_[piece].held; });
    if (!chosen) chosen = fewest_copies(peer, held_, [](Piece) { return true; });
    if (!chosen) return;
    grant(id, peer, *chosen, now, grants);
  }
}

/// A piece that few have, within bounds, or one that no peer has received for a while: its carriers cannot pass it on.
void GrantPolicy::give_rare(Peer id, PeerState& peer, SteadyTime now, std::vector<Grant>& grants) {
  if (!peer.outstanding.empty() || !has_room(now)) return;
  const bool may_repeat = repeats_ < pieces_.size() / repeat_share;
  const auto is_stuck = [&](Piece piece) {
    return pieces_[piece].outstanding == 0 && now - pieces_[piece].last_grown > patience(peer) / 2;
  };
  const auto fits = [&](Piece piece) { return is_stuck(piece) || (may_repeat && pieces_[piece].all() <= rare_limit()); };
  auto chosen = fewest_copies(peer, fresh_.first(), [&](Piece piece) { return rare_.contains(fresh_.rank(piece)) && fits(piece); });
  if (!chosen) chosen = fewest_copies(peer, rare_, fits);
  if (!chosen) return;
  repeats_ += is_stuck(*chosen) ? 0 : 1;
  grant(id, peer, *chosen, now, grants);
}

std::vector<GrantPolicy::Grant> GrantPolicy::next(SteadyTime now) {
  std::vector<Grant> grants;
  forget_departed(now);
  expire_stalled(now);
  give_to_far(now, grants);
  give_wished(now, grants);
  while (!fresh_.empty() && has_room(now) && give_one_fresh(now, grants)) {}
  give_by_need(now, grants);
  return grants;
}

}  // namespace shoal::fanout
