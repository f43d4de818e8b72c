// A set of pieces, and the order in which a source grants them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "fanout/number_set.hpp"

namespace shoal::fanout {

/// All sources of a content share one order, and each starts at its own place in it. Two sources learn of each other's grants only when a
/// peer has received the piece; different starting places make it rare that both grant the same piece. A source that reaches a stretch that
/// another source has already covered continues elsewhere, because the other source would be just ahead of it.
///
/// The rank of a piece is its place in the order. Sets of pieces that are compared with the round are sets of ranks.
class PieceRound {
 public:
  using Piece = std::uint32_t;
  using Rank = NumberSet::Number;

  /// `order` is shared by all sources; `seed` decides the starting places of this one. The pieces of `first` come before all others.
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
  /// Ranks of the pieces that come before all others, members or not.
  const NumberSet& first() const { return first_; }
  /// The next member whose rank is in `among`, or nothing. The member stays in the set. A piece far ahead is returned out of turn, and the
  /// round stays where it is for peers that lack more.
  std::optional<Piece> next(const NumberSet& among);
  /// Continues at a random other member, if there is one.
  void jump();

 private:
  bool is_near(Rank rank) const;

  std::vector<Piece> order_;  // by rank
  std::vector<Rank> rank_;    // by piece
  NumberSet members_;
  NumberSet first_;          // ranks of the pieces that come before all others
  NumberSet first_members_;  // the members among them
  std::mt19937_64 random_;
  Rank at_ = 0;
};

}  // namespace shoal::fanout
