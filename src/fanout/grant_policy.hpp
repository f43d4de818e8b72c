// Decides which piece a source grants to which peer next. Pure: no socket, no clock of its own, no libtorrent. The same seeds and the
// same calls give the same grants.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "base/clock.hpp"
#include "fanout/piece_round.hpp"

namespace shoal::fanout {

/// How a source treats a peer.
enum class PeerKind {
  node,    // receives grants and passes on what it has
  far,     // a node at another site, which nearer nodes are to feed: it receives grants only when none of them does
  source,  // grants what it held from the start, and receives grants for the rest
  plain,   // receives no grants, such as a client that does not speak the extension
};

/// Left alone, all peers of a source request the same pieces from it, and the source sends two copies while everybody waits for it. A
/// source that grants pieces avoids that:
///
///  1. Every piece that somebody lacks goes out once before any piece goes out twice. A piece that nodes received from another source
///     counts as out. A piece that only another source holds does not.
///  2. A new piece goes to the peer with the smallest debt: the fewest copies of its own pieces that most others still lack. Peers with
///     slow or busy uplinks therefore get less, and none becomes a bottleneck.
///  3. Only as many grants are outstanding as keep the source busy, because nobody can pass on a piece that still waits at the source.
///     Stalled grants stop counting after a while.
///  4. Pieces that far nodes have do not count as out. A far node gets one piece at a time, and only if no other peer feeds it.
///  5. A peer for which no new piece is left is helped by need: with a few pieces that hardly anybody has, with pieces that no longer
///     spread, or with any piece if no other peer feeds it. A peer that lacks pieces and gets none from others always has a grant. A
///     source that is much faster than its peers then idles: their downlinks are full already, so anything it sent would only displace
///     what they pass on to each other.
///
/// Work is proportional to the pieces that peers lack, not to the pieces that exist: a peer that has nearly everything costs next to
/// nothing. One thread at a time.
class GrantPolicy {
 public:
  using Peer = std::uint32_t;
  using Piece = PieceRound::Piece;
  struct Grant {
    Peer peer;
    Piece piece;
  };

  /// `order` is shared by all sources of the content (PieceRound); `seed` is this source's own. At most `most` grants count as
  /// outstanding; stalled grants do not count. The pieces of `first` go out before all others.
  GrantPolicy(Piece pieces, std::uint64_t order, std::uint64_t seed, std::size_t most = SIZE_MAX, const std::vector<Piece>& first = {});

  /// Whether the source has this piece to send.
  void set_held(Piece piece, bool held);

  /// A peer that has nothing yet.
  Peer join(PeerKind kind, SteadyTime now);
  /// The peer had the piece when it joined. That says nothing about who feeds it, and a piece that a source brought does not count as out.
  void note_brought(Peer peer, Piece piece);
  /// The peer has received the piece, from anybody. Idempotent.
  void note_has(Peer peer, Piece piece, SteadyTime now);
  /// Somebody reads the piece at the peer, and waits for it. It goes out before others if nobody was granted it so far; otherwise the peer
  /// gets it from whoever has it. So wishes change the order of pieces and cost no second copy. At most `most_wishes` are kept.
  void wish(Peer peer, Piece piece);
  /// Changes the kind of a peer and returns its new number. Withdraws its outstanding grants.
  Peer change(Peer peer, PeerKind kind, SteadyTime now);
  /// Withdraws the peer's outstanding grants. The pieces of a peer that left complete count as out for a few seconds more, because it goes
  /// on passing them on to others.
  void leave(Peer peer, SteadyTime now);

  /// The grants to send now. Call it after every change, and every second.
  std::vector<Grant> next(SteadyTime now);

  PeerKind kind(Peer peer) const { return peers_.at(peer).kind; }
  /// Whether other peers give it pieces.
  bool is_fed(Peer peer, SteadyTime now) const { return is_fed(peers_.at(peer), now); }
  std::size_t outstanding(Peer peer) const { return peers_.at(peer).outstanding.size(); }
  std::size_t outstanding() const { return under_way_; }
  /// Grants since the start.
  std::uint64_t granted() const { return granted_; }
  /// Pieces that the source holds, some peer lacks, and nobody was ever granted.
  std::size_t fresh() const { return fresh_.size(); }
  /// Copies of the pieces first granted to this peer that it or others still lack. A piece that most peers have counts zero.
  std::int64_t debt(Peer peer) const { return peers_.at(peer).debt; }

 private:
  static constexpr Peer nobody = ~Peer{0};
  struct Copies {
    std::uint32_t available = 0;    // peers that have it and announce it
    std::uint32_t outstanding = 0;  // peers that were granted it and do not have it yet
    std::uint32_t all() const { return available + outstanding; }
  };
  struct PieceState : Copies {
    Copies far;               // the same for far peers
    std::uint32_t taken = 0;  // peers that pass on and have it
    Peer carrier = nobody;    // the peer it was granted to first, while most lack it
    bool held = false;
    SteadyTime last_grown{};  // when a peer last received it
  };
  struct Outstanding {
    SteadyTime since;
    bool counts = true;  // towards the limit of outstanding grants
  };
  static constexpr std::size_t most_wishes = 256;  // of a peer
  struct PeerState {
    std::deque<Piece> wishes;
    PeerKind kind = PeerKind::node;
    NumberSet lacks;            // ranks
    std::vector<bool> brought;  // pieces that a source held when it joined
    std::map<Piece, Outstanding> outstanding;
    std::set<Piece> carries;
    double window = 0;           // how many grants may be outstanding
    std::int64_t debt = 0;       // copies of the pieces it carries that others lack
    SteadyTime last_fed{};       // when it last received a piece from another peer
    SteadyTime::duration gap{};  // between two such pieces, smoothed
    std::uint64_t last_turn = 0;
    bool is_far() const { return kind == PeerKind::far; }
    bool takes_grants() const { return kind != PeerKind::plain; }
    bool passes_on() const { return takes_grants() && !is_far(); }
    bool brought_it(Piece piece) const { return !brought.empty() && brought[piece]; }
  };
  struct Departed {
    SteadyTime when;
    Peer peer;
  };
  struct Age {
    SteadyTime since;
    Peer peer;
    Piece piece;
  };
  using Order = std::tuple<std::int64_t, std::uint64_t, Peer>;

  Copies& copies_of(const PeerState& peer, Piece piece) { return peer.is_far() ? pieces_[piece].far : pieces_[piece]; }
  bool lacks(const PeerState& peer, Piece piece) const { return peer.lacks.contains(fresh_.rank(piece)); }
  void refresh(Piece piece);
  void refresh_all();
  void remove(Peer peer);
  void forget_departed(SteadyTime now);
  // Carriers of pieces
  void set_carrier(Piece piece, Peer id, PeerState& peer);
  void drop_carrier(Piece piece);
  void note_taken(Piece piece);
  void change_debt(Peer id, std::int64_t by);
  static Order order_of(Peer id, const PeerState& peer) { return {peer.debt, peer.last_turn, id}; }
  // How fast everybody is
  void note_fed(PeerState& peer, SteadyTime now);
  void note_finished(PeerState& peer, const Outstanding& grant, SteadyTime now);
  void stop_counting(Outstanding& grant);
  void expire_stalled(SteadyTime now);
  std::size_t limit(SteadyTime now);
  bool has_room(SteadyTime now) { return counted_ < limit(now); }
  void move_to_back(Peer id, PeerState& peer);
  std::size_t window_of(const PeerState& peer) const;
  SteadyTime::duration patience(const PeerState& peer) const;
  bool is_fed(const PeerState& peer, SteadyTime now) const { return now - peer.last_fed < patience(peer); }
  static bool wants(const PeerState& peer) { return peer.takes_grants() && peer.lacks.size() > peer.outstanding.size(); }
  bool has_new_for(const PeerState& peer) const { return NumberSet::intersect(fresh_.members(), peer.lacks); }
  // Grants
  void grant(Peer id, PeerState& peer, Piece piece, SteadyTime now, std::vector<Grant>& grants);
  void give_wished(SteadyTime now, std::vector<Grant>& grants);
  bool give_one_wished(Peer id, SteadyTime now, std::vector<Grant>& grants);
  bool give_one_fresh(SteadyTime now, std::vector<Grant>& grants);
  void give_to_far(SteadyTime now, std::vector<Grant>& grants);
  void give_by_need(SteadyTime now, std::vector<Grant>& grants);
  void give_anything(Peer id, PeerState& peer, std::size_t most, SteadyTime now, std::vector<Grant>& grants);
  void give_rare(Peer id, PeerState& peer, SteadyTime now, std::vector<Grant>& grants);
  template <class Fits>
  std::optional<Piece> fewest_copies(const PeerState& peer, const NumberSet& among, Fits fits);
  std::uint32_t rare_limit() const;
  std::vector<Peer> waiting() const;

  std::size_t most_;
  std::vector<PieceState> pieces_;
  PieceRound fresh_;  // held, lacked by somebody, and granted to nobody so far
  NumberSet held_;    // ranks
  NumberSet rare_;    // ranks of pieces that are held, lacked by somebody, and that few or none have
  std::map<Peer, PeerState> peers_;
  std::set<Order> by_debt_;  // peers that receive grants, except far ones
  std::set<Peer> far_;
  std::set<Peer> wishing_;  // peers with wishes
  Peer last_far_ = 0;       // the far peer that was served last
  std::size_t takers_ = 0;
  std::deque<Departed> departed_;
  std::size_t under_way_ = 0;
  std::size_t counted_ = 0;  // outstanding grants that count towards the limit
  std::deque<Age> ages_;     // outstanding grants, oldest first; finished ones are skipped
  Peer next_peer_ = 0;
  std::uint64_t turn_ = 0;
  bool changed_ = false;  // since the last pass by need
  SteadyTime last_need_pass_{}, last_far_pass_{};
  std::uint64_t granted_ = 0;
  std::size_t finished_ = 0;     // grants that were fulfilled
  std::size_t repeats_ = 0;      // grants by need to peers that others feed
  SteadyTime::duration pace_{};  // how long a grant takes, smoothed
  SteadyTime::duration quickest_ = SteadyTime::duration::max();
  // Fulfilled grants in this span of time and in the best recent one: how fast the source is.
  SteadyTime span_start_{};
  double finished_in_span_ = 0;
  double best_rate_ = 0;  // per second
  std::mt19937_64 random_;
};

}  // namespace shoal::fanout
