// Which piece a source offers to which peer next. Pure: no sockets, no clock of its own, no libtorrent; the same seed and the same
// calls give the same grants.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "base/clock.hpp"

namespace shoal::swarm {

/// Left alone, all peers of a source ask it for the same pieces, and the source sends two copies while everybody waits for it. Instead
/// it grants pieces: every piece goes out once before any goes out twice, and then by need. One thread at a time.
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
  /// The peer has the piece, from whomever. Says it twice without harm.
  void has(Peer peer, Piece piece, SteadyTime now);
  void has_all(Peer peer, SteadyTime now);
  /// Unfinished grants are given back.
  void leave(Peer peer);

  /// What is to be granted now. Call it after every change, and now and then.
  std::vector<Grant> next(SteadyTime now);

  bool knows(Peer peer) const { return peers_.contains(peer); }
  std::size_t outstanding(Peer peer) const { return peers_.at(peer).outstanding.size(); }
  /// All grants so far.
  std::uint64_t granted() const { return granted_; }

 private:
  struct PieceState {
    std::uint32_t available = 0;    // peers that have it
    std::uint32_t outstanding = 0;  // peers to which it is granted and who do not have it yet
    std::uint32_t granted = 0;      // ever
    std::uint32_t fresh_at = 0;     // place in fresh_, if it is there
    bool held = false;
    bool fresh = false;
  };
  struct PeerState {
    bool takes_grants = false;
    std::vector<bool> has;
    std::uint32_t lacks = 0;
    std::map<Piece, SteadyTime> outstanding;  // and when it was granted
    double window = 0;                        // how many may be outstanding
    std::uint64_t last_turn = 0;
  };

  void refresh(Piece piece);
  void adapt(PeerState& peer, SteadyTime::duration took);
  bool grant_to(Peer id, PeerState& peer, SteadyTime now, std::vector<Grant>& grants);
  bool choose(const PeerState& peer, Piece& piece);
  std::size_t allowance(const PeerState& peer) const;

  std::vector<PieceState> pieces_;
  std::vector<Piece> fresh_;  // held, never out: nobody has them, and they are granted to nobody
  std::map<Peer, PeerState> peers_;
  Peer next_peer_ = 0;
  std::uint64_t turn_ = 0;
  std::uint64_t granted_ = 0;
  std::mt19937_64 random_;
};

}  // namespace shoal::swarm
