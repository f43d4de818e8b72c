// A set of pieces and the order in which they are given out. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "swarm/number_set.hpp"

namespace shoal::swarm {

/// All sources of a content share one order, and each goes through it from a place of its own: so two sources, who hear of each other's
/// grants only when these have arrived somewhere, seldom give out the same piece. A source that comes upon a stretch that another has been
/// through goes on somewhere else: there the other would be just ahead.
///
/// The rank of a piece is its place in the order. Sets of pieces that are held against the round are sets of ranks.
class PieceRound {
 public:
  using Piece = std::uint32_t;
  using Rank = NumberSet::Number;

  /// `order` is what the sources share, `seed` decides one's own places.
  /// The pieces of `first` come before all others, wherever the round is.
  PieceRound(Piece pieces, std::uint64_t order, std::uint64_t seed, const std::vector<Piece>& first = {});

  Rank rank(Piece piece) const { return rank_[piece]; }
  Piece piece(Rank rank) const { return order_[rank]; }

  void set(Piece piece, bool member) {
    members_.set(rank_[piece], member);
    if (first_.contains(rank_[piece])) first_members_.set(rank_[piece], member);
  }
  bool contains(Piece piece) const { return members_.contains(rank_[piece]); }
  /// Ranks.
  const NumberSet& members() const { return members_; }
  std::size_t size() const { return members_.size(); }
  bool empty() const { return members_.empty(); }
  /// Ranks of those that come before all others, members or not.
  const NumberSet& first() const { return first_; }
  /// The next one whose rank is among these, or nothing. It stays in the set. What is far ahead is taken out of turn: the round stays where
  /// it is for those who lack more.
  std::optional<Piece> next(const NumberSet& among);
  /// Goes on from another place, if there is one.
  void jump();

 private:
  bool is_near(Rank rank) const;

  std::vector<Piece> order_;  // by rank
  std::vector<Rank> rank_;    // by piece
  NumberSet members_;
  NumberSet first_;          // ranks of those that come before all others
  NumberSet first_members_;  // of these, the members
  std::mt19937_64 random_;
  Rank at_ = 0;
};

}  // namespace shoal::swarm
