#include "fanout/piece_round.hpp"

#include <numeric>
#include <utility>

namespace shoal::fanout {
namespace {

/// When this many pieces in a row are gone, another source has been here.
constexpr PieceRound::Rank stretch = 8;

}  // namespace

PieceRound::PieceRound(Piece pieces, std::uint64_t order, std::uint64_t seed, const std::vector<Piece>& first)
    : order_(pieces), rank_(pieces), members_(pieces), first_(pieces), first_members_(pieces), random_(seed) {
  std::iota(order_.begin(), order_.end(), Piece{0});
  // Not std::shuffle: every build must come to the same order.
  std::mt19937_64 common(order);
  for (Piece left = pieces; left > 1; --left) std::swap(order_[left - 1], order_[common() % left]);
  for (Rank rank = 0; rank < pieces; ++rank) rank_[order_[rank]] = rank;
  for (Piece piece : first) first_.insert(rank_[piece]);
  if (pieces > 0) at_ = static_cast<Rank>(random_() % pieces);
}

bool PieceRound::is_near(Rank rank) const { return rank >= at_ && rank - at_ < stretch; }

void PieceRound::jump() {
  if (!empty()) at_ = members_.nth(random_() % size());
}

std::optional<PieceRound::Piece> PieceRound::next(const NumberSet& among) {
  if (empty()) return std::nullopt;
  if (const auto rank = NumberSet::first_common(first_members_, among, at_)) return order_[*rank];
  if (!is_near(members_.first_from(at_))) jump();
  const auto rank = NumberSet::first_common(members_, among, at_);
  if (!rank) return std::nullopt;
  if (is_near(*rank)) at_ = *rank + 1 == order_.size() ? 0 : *rank + 1;
  return order_[*rank];
}

}  // namespace shoal::fanout
