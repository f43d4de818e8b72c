// Which piece a source offers to which peer next. Pure: no sockets, no clock of its own, no libtorrent; the same seeds and the same
// calls give the same grants.
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
#include "swarm/piece_round.hpp"

namespace shoal::swarm {

/// What a peer is to a source.
enum class PeerKind {
  node,    // takes grants, and passes on what it has
  far,     // a node that others are to feed, who are nearer to the source and pass on to it: it takes grants only where none of them does
  source,  // rations what it brought, and takes grants for the rest
  plain,   // takes no grants: it is here for what it has alone
};

/// Left alone, all peers of a source ask it for the same pieces, and the source sends two copies while everybody waits for it. Instead
/// it grants pieces:
///  1. Every piece that somebody lacks goes out once before any goes out twice. What nodes have from elsewhere (another source) counts as
///     out; what another source has does not.
///  2. A new piece goes to the peer that has the least left to pass on: copies of what was granted to it that most others still lack. So
///     peers with slow or busy uplinks get less, and none becomes a bottleneck.
///  3. Only as much is under way as keeps the source busy: what waits at the source cannot be passed on by anybody. What is under way to
///     a peer that stands still does not count for long.
///  4. What far nodes have does not count as out, and they get a piece at a time, and only if nothing else feeds them.
///  5. A peer for which nothing new is left is helped by need: with a few pieces that hardly anybody has, with those that come to nobody
///  any
///     more, or with anything if nothing else feeds it. A peer that lacks pieces and gets none from others always has a grant. A source
///     that is much faster than its peers then idles: what it might send would only take the place of what they pass on, since their
///     downlinks are full.
/// Work follows the pieces that peers lack, not the pieces that there are: a peer that has nearly everything is served like any other.
/// One thread at a time.
class GrantPolicy {
 public:
  using Peer = std::uint32_t;
  using Piece = PieceRound::Piece;
  struct Grant {
    Peer peer;
    Piece piece;
  };

  /// `order` is shared by all sources of the content (PieceRound), `seed` is this one's own. No more than `most` grants are under way, but
  /// for those that stand still.
  /// The pieces of `first` go out before all others.
  GrantPolicy(Piece pieces, std::uint64_t order, std::uint64_t seed, std::size_t most = SIZE_MAX, const std::vector<Piece>& first = {});

  /// The source can send this piece from now on, or no longer.
  void hold(Piece piece, bool held);

  /// A peer that has nothing yet.
  Peer join(PeerKind kind, SteadyTime now);
  /// The peer had the piece when it came. Nobody in this swarm has fed it therefore, and of a source it does not count as out.
  void brings(Peer peer, Piece piece);
  /// The peer has the piece, from whomever. May be said twice.
  void has(Peer peer, Piece piece, SteadyTime now);
  /// The peer is of another kind from now on; its new number. Unfinished grants are given back.
  Peer change(Peer peer, PeerKind kind, SteadyTime now);
  /// Unfinished grants are given back. What a peer had that left with everything counts as out for some seconds: it goes on passing on, to
  /// others than this source.
  void leave(Peer peer, SteadyTime now);

  /// What is to be granted now. Call it after every change, and every second.
  std::vector<Grant> next(SteadyTime now);

  PeerKind kind(Peer peer) const { return peers_.at(peer).kind; }
  /// Others give it pieces.
  bool is_fed(Peer peer, SteadyTime now) const { return is_fed(peers_.at(peer), now); }
  std::size_t outstanding(Peer peer) const { return peers_.at(peer).outstanding.size(); }
  std::size_t outstanding() const { return under_way_; }
  /// All grants so far.
  std::uint64_t granted() const { return granted_; }
  /// Pieces that the source holds, that some peer lacks, and that never went out.
  std::size_t fresh() const { return fresh_.size(); }
  /// Copies of what was granted to this peer first that others, or it, still lack; nothing for pieces that most have.
  std::int64_t debt(Peer peer) const { return peers_.at(peer).debt; }

 private:
  static constexpr Peer nobody = ~Peer{0};
  struct Copies {
    std::uint32_t available = 0;    // peers that have it and show it
    std::uint32_t outstanding = 0;  // peers to which it is granted and who do not have it yet
    std::uint32_t all() const { return available + outstanding; }
  };
  struct PieceState : Copies {
    Copies far;               // the same, of far peers
    std::uint32_t taken = 0;  // of those that share in passing on, those that have it
    Peer carrier = nobody;    // to whom it was granted first, while most lack it
    bool held = false;
    SteadyTime grown{};  // when it last came to a peer
  };
  struct Outstanding {
    SteadyTime since;
    bool counts = true;  // toward the limit of all that is under way
  };
  struct PeerState {
    PeerKind kind = PeerKind::node;
    NumberSet lacks;            // ranks
    std::vector<bool> brought;  // of a source
    std::map<Piece, Outstanding> outstanding;
    std::set<Piece> carries;
    double window = 0;           // how many may be outstanding
    std::int64_t debt = 0;       // copies of what it carries that others lack
    SteadyTime fed{};            // when it last got a piece from somebody else
    SteadyTime::duration gap{};  // between two of these, smoothed
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
  // Who carries what
  void carry(Piece piece, Peer id, PeerState& peer);
  void drop_carrier(Piece piece);
  void taken(Piece piece);
  void change_debt(Peer id, std::int64_t by);
  static Order order_of(Peer id, const PeerState& peer) { return {peer.debt, peer.last_turn, id}; }
  // How fast everybody is
  void fed(PeerState& peer, SteadyTime now);
  void finished(PeerState& peer, const Outstanding& grant, SteadyTime now);
  void stop_counting(Outstanding& grant);
  void age(SteadyTime now);
  std::size_t limit(SteadyTime now);
  bool has_room(SteadyTime now) { return counted_ < limit(now); }
  void take_turn(Peer id, PeerState& peer);
  std::size_t window_of(const PeerState& peer) const;
  SteadyTime::duration patience(const PeerState& peer) const;
  bool is_fed(const PeerState& peer, SteadyTime now) const { return now - peer.fed < patience(peer); }
  static bool wants(const PeerState& peer) { return peer.takes_grants() && peer.lacks.size() > peer.outstanding.size(); }
  bool has_new_for(const PeerState& peer) const { return NumberSet::intersect(fresh_.members(), peer.lacks); }
  // Grants
  void grant(Peer id, PeerState& peer, Piece piece, SteadyTime now, std::vector<Grant>& grants);
  bool give_one_fresh(SteadyTime now, std::vector<Grant>& grants);
  void give_to_far(SteadyTime now, std::vector<Grant>& grants);
  void give_by_need(SteadyTime now, std::vector<Grant>& grants);
  void give_anything(Peer id, PeerState& peer, std::size_t most, SteadyTime now, std::vector<Grant>& grants);
  void give_rare(Peer id, PeerState& peer, SteadyTime now, std::vector<Grant>& grants);
  template <class Fits>
  std::optional<Piece> fewest_copies(const PeerState& peer, const NumberSet& among, Fits fits);
  std::uint32_t few() const;
  std::vector<Peer> waiting() const;

  std::size_t most_;
  std::vector<PieceState> pieces_;
  PieceRound fresh_;  // held, lacked by somebody, and never out: nobody has them, and they are granted to nobody
  NumberSet held_;    // ranks
  NumberSet rare_;    // ranks of pieces that are held and lacked by somebody, and that few or none have
  std::map<Peer, PeerState> peers_;
  std::set<Order> by_debt_;  // those that take grants, but for those that are far
  std::set<Peer> far_;
  Peer last_far_ = 0;  // the last of them that was served
  std::size_t takers_ = 0;
  std::deque<Departed> departed_;
  std::size_t under_way_ = 0;
  std::size_t counted_ = 0;  // of these, toward the limit
  std::deque<Age> ages_;     // of what is under way, and of what was
  Peer next_peer_ = 0;
  std::uint64_t turn_ = 0;
  bool changed_ = false;  // since peers were last looked at by need
  SteadyTime looked_{}, looked_far_{};
  std::uint64_t granted_ = 0;
  std::size_t finished_ = 0;     // grants
  std::size_t again_ = 0;        // grants by need to peers that others feed
  SteadyTime::duration pace_{};  // how long a grant takes, smoothed
  SteadyTime::duration quickest_ = SteadyTime::duration::max();
  // Finished grants in this span of time and in the best of the last ones: how fast the source is.
  SteadyTime span_start_{};
  double finished_in_span_ = 0;
  double best_rate_ = 0;  // a second
  std::mt19937_64 random_;
};

}  // namespace shoal::swarm
