// A set of pieces and the order in which they are given out. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace shoal::swarm {

/// All sources of a content share one order, and each goes through it from a place of its own: so two sources, who hear of each other's
/// grants only when these have arrived somewhere, seldom give out the same piece. Who comes upon a stretch that another has been through
/// goes on somewhere else: there the other would be just ahead.
class PieceRound {
 public:
  using Piece = std::uint32_t;

  /// `order` is what the sources share, `seed` decides one's own places.
  PieceRound(Piece pieces, std::uint64_t order, std::uint64_t seed);

  void insert(Piece piece);
  void erase(Piece piece);
  bool contains(Piece piece) const { return has(rank_[piece]); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// The next one. It stays in the set, which must not be empty.
  Piece next();
  /// Goes on from another place, if there is one.
  void jump();

 private:
  bool has(Piece rank) const { return words_[rank / 64] >> (rank % 64) & 1; }
  Piece first_from(Piece rank) const;

  std::vector<Piece> order_;          // by rank
  std::vector<Piece> rank_;           // by piece
  std::vector<std::uint64_t> words_;  // by rank
  std::size_t size_ = 0;
  std::mt19937_64 random_;
  Piece at_ = 0;  // rank
};

}  // namespace shoal::swarm
