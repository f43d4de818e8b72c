#include "swarm/piece_round.hpp"

#include <bit>
#include <numeric>
#include <utility>

namespace shoal::swarm {
namespace {

// So many in a row that are not there: somebody else was here.
constexpr PieceRound::Piece stretch = 8;

/// The place of the nth bit that is set.
int nth_bit(std::uint64_t word, std::size_t n) {
  for (; n > 0; --n) word &= word - 1;
  return std::countr_zero(word);
}

}  // namespace

PieceRound::PieceRound(Piece pieces, std::uint64_t order, std::uint64_t seed)
    : order_(pieces), rank_(pieces), words_((pieces + 63) / 64), random_(seed) {
  std::iota(order_.begin(), order_.end(), Piece{0});
  // Not std::shuffle: every build must come to the same order.
  std::mt19937_64 common(order);
  for (Piece left = pieces; left > 1; --left) std::swap(order_[left - 1], order_[common() % left]);
  for (Piece rank = 0; rank < pieces; ++rank) rank_[order_[rank]] = rank;
  if (pieces > 0) at_ = static_cast<Piece>(random_() % pieces);
}

void PieceRound::insert(Piece piece) {
  const Piece rank = rank_[piece];
  size_ += has(rank) ? 0 : 1;
  words_[rank / 64] |= std::uint64_t{1} << (rank % 64);
}

void PieceRound::erase(Piece piece) {
  const Piece rank = rank_[piece];
  size_ -= has(rank) ? 1 : 0;
  words_[rank / 64] &= ~(std::uint64_t{1} << (rank % 64));
}

PieceRound::Piece PieceRound::first_from(Piece rank) const {
  std::size_t word = rank / 64;
  std::uint64_t bits = words_[word] & ~std::uint64_t{0} << (rank % 64);
  while (bits == 0) {
    word = word + 1 == words_.size() ? 0 : word + 1;
    bits = words_[word];
  }
  return static_cast<Piece>(word * 64) + static_cast<Piece>(std::countr_zero(bits));
}

void PieceRound::jump() {
  if (empty()) return;
  std::size_t skip = random_() % size_;
  for (std::size_t word = 0;; ++word) {
    const auto here = static_cast<std::size_t>(std::popcount(words_[word]));
    if (skip < here) {
      at_ = static_cast<Piece>(word * 64) + static_cast<Piece>(nth_bit(words_[word], skip));
      return;
    }
    skip -= here;
  }
}

PieceRound::Piece PieceRound::next() {
  Piece rank = first_from(at_);
  if (rank < at_ || rank - at_ >= stretch) {
    jump();
    rank = at_;
  }
  at_ = rank + 1 == order_.size() ? 0 : rank + 1;
  return order_[rank];
}

}  // namespace shoal::swarm
