// Which piece a source offers to which peer next. Pure: no sockets, no clock of its own, no libtorrent; the same seed and the same
// calls give the same grants.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "base/clock.hpp"

namespace shoal::swarm {

/// Left alone, all peers of a source ask it for the same pieces, and the source sends two copies while everybody waits for it. Instead
/// it grants pieces:
///  1. Every piece goes out once before any goes out twice. What peers have from elsewhere (another source) counts as out.
///  2. A new piece goes to the peer that has the least left to pass on: copies of what was granted to it that others still lack. So peers
///     with a slow or a busy way up get less, and none becomes the neck through which the others are fed.
///  3. Only as much is under way as keeps the source busy: what waits at the source cannot be passed on by anybody.
///  4. When all is out, a peer is helped by need: with a few pieces that hardly anybody has, or with anything if nothing else feeds it,
///     or if this source is so much faster than the peers that they lacked a good part when it had sent everything once. Whoever lacks
///     pieces and gets none from others always has a grant.
/// One thread at a time.
class GrantPolicy {
 public:
  using Peer = std::uint32_t;
  using Piece = std::uint32_t;
  struct Grant {
    Peer peer;
    Piece piece;
  };

  GrantPolicy(Piece pieces, std::uint64_t seed);

  /// The source can send this piece from now on, or no longer.
  void hold(Piece piece, bool held);

  /// A peer that has nothing yet. One that takes no grants is here for what it has alone.
  Peer join(bool takes_grants, SteadyTime now);
  /// The peer has the piece, from whomever. May be said twice.
  void has(Peer peer, Piece piece, SteadyTime now);
  void has_all(Peer peer, SteadyTime now);
  /// Unfinished grants are given back.
  void leave(Peer peer);

  /// What is to be granted now. Call it after every change, and every second.
  std::vector<Grant> next(SteadyTime now);

  std::size_t outstanding(Peer peer) const { return peers_.at(peer).outstanding.size(); }
  std::size_t outstanding() const { return under_way_; }
  /// All grants so far.
  std::uint64_t granted() const { return granted_; }
  /// Pieces that the source holds and that never went out.
  std::size_t fresh() const { return fresh_.size(); }
  /// Copies of what was granted to this peer first that others, or it, still lack.
  std::int64_t debt(Peer peer) const { return peers_.at(peer).debt; }

 private:
  static constexpr Peer nobody = ~Peer{0};
  struct PieceState {
    std::uint32_t available = 0;    // peers that have it
    std::uint32_t taken = 0;        // ... of those that take grants
    std::uint32_t outstanding = 0;  // peers to which it is granted and who do not have it yet
    std::uint32_t fresh_at = 0;     // place in fresh_, if it is there
    Peer carrier = nobody;          // to whom it was granted first
    bool held = false;
    bool fresh = false;
  };
  struct PeerState {
    bool takes_grants = false;
    std::vector<bool> has;
    std::uint32_t lacks = 0;
    std::map<Piece, SteadyTime> outstanding;  // and when it was granted
    double window = 0;                        // how many may be outstanding
    std::int64_t debt = 0;                    // copies of what it carries that others lack
    SteadyTime fed{};                         // when it last got a piece from somebody else
    std::uint64_t last_turn = 0;
  };
  using Order = std::tuple<std::int64_t, std::uint64_t, Peer>;

  void refresh(Piece piece);
  void carry(Piece piece, Peer peer);
  void drop_carrier(Piece piece);
  void change_debt(Peer id, std::int64_t by);
  Order order_of(Peer id, const PeerState& peer) const;
  void finished(PeerState& peer, SteadyTime::duration took, SteadyTime now);
  bool wants(const PeerState& peer) const { return peer.takes_grants && peer.lacks > peer.outstanding.size(); }
  std::size_t window_of(const PeerState& peer) const;
  bool is_fed(const PeerState& peer, SteadyTime now) const;
  /// The pieces that a peer may be granted by need have at most so many copies, and so many may be outstanding there.
  struct Help {
    std::uint32_t most_copies;
    std::size_t outstanding;
  };
  Help help_for(const PeerState& peer, SteadyTime now) const;
  std::uint32_t few() const;
  void compare_with_peers();
  std::size_t limit(SteadyTime now);
  void grant(Peer id, PeerState& peer, Piece piece, SteadyTime now, std::vector<Grant>& grants);
  void give_fresh(SteadyTime now, std::vector<Grant>& grants);
  void give_by_need(SteadyTime now, std::vector<Grant>& grants);
  bool any_rare(std::uint32_t most_copies) const;
  bool choose(const PeerState& peer, std::uint32_t most_copies, Piece& piece);

  std::vector<PieceState> pieces_;
  std::vector<Piece> fresh_;  // held, and never out: nobody has them, and they are granted to nobody
  std::map<Peer, PeerState> peers_;
  std::set<Order> by_debt_;  // those that take grants
  std::size_t takers_ = 0;
  std::size_t under_way_ = 0;
  Peer next_peer_ = 0;
  std::uint64_t turn_ = 0;
  bool changed_ = false;  // since peers were last looked at by need
  SteadyTime looked_{};
  std::uint64_t granted_ = 0;
  std::size_t finished_ = 0;  // grants
  std::size_t again_ = 0;     // grants by need to peers that others feed
  bool all_out_ = false;
  bool ahead_ = false;  // of the peers: it is much faster than they are together
  // Finished grants in this span of time and in the best of the last ones: how fast the source is.
  SteadyTime span_start_{};
  double finished_in_span_ = 0;
  double best_rate_ = 0;  // a second
  std::mt19937_64 random_;
};

}  // namespace shoal::swarm
