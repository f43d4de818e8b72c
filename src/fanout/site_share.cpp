#include "fanout/site_share.hpp"

#include <algorithm>
#include <utility>

namespace shoal::fanout {
namespace {

// A machine that received nothing for `patience` fetches outside its share: at first `first_overreach` pieces, then up to 2^6 times that.
constexpr std::chrono::seconds patience{3};
constexpr int first_overreach = 4;
constexpr unsigned most_doublings = 6;
// Far machines may connect before near ones.
constexpr std::chrono::milliseconds grace{500};

/// SplitMix64 (Steele, Lea, Flood 2014): spreads what is close together over all numbers.
std::uint64_t mix(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

std::uint64_t claim(std::uint64_t machine, SiteShare::Piece piece) { return mix(machine ^ mix(piece)); }

}  // namespace

SiteShare::SiteShare(Piece pieces, std::uint64_t self, SteadyTime now)
    : self_(self),
      mine_(pieces),
      lacks_(pieces),
      at_site_(pieces),
      start_(now),
      last_progress_(now),
      last_overreach_(now),
      visible_(pieces),
      overreached_(pieces) {}

SiteShare::Link SiteShare::join_near(std::uint64_t machine) {
  const auto pieces = static_cast<Piece>(mine_.size());
  near_[next_link_] = {machine, std::vector<bool>(pieces), pieces};
  return next_link_++;
}

SiteShare::Link SiteShare::join_far() {
  far_[next_link_].resize(mine_.size());
  return next_link_++;
}

void SiteShare::leave(Link link) {
  far_.erase(link);
  const auto node = near_.extract(link);
  if (node.empty()) return;
  for (Piece piece = 0; piece < mine_.size(); ++piece) at_site_[piece] -= node.mapped().has[piece] ? 1 : 0;
  changed_ = true;
}

bool SiteShare::note_has(Link link, Piece piece) {
  if (piece >= mine_.size()) return true;
  if (auto found = near_.find(link); found != near_.end()) {
    Near& near = found->second;
    if (near.has[piece]) return true;
    near.has[piece] = true;
    --near.lacks;
    ++at_site_[piece];
    return true;
  }
  if (mine_[piece]) return true;
  if (started_ && is_missing(piece) && is_ours(piece)) {
    note_visible(piece);
    return true;
  }
  far_.at(link)[piece] = true;
  return false;
}

void SiteShare::note_visible(Piece piece) {
  visible_missing_ += visible_[piece] ? 0 : 1;
  visible_[piece] = true;
}

void SiteShare::note_own(Piece piece, SteadyTime now) {
  if (piece >= mine_.size() || mine_[piece]) return;
  // A piece that came because of an overreach is no sign that the near machines do their part.
  const bool as_meant = !overreached_[piece] && (at_site_[piece] > 0 || is_ours(piece));
  mine_[piece] = true;
  --lacks_;
  visible_missing_ -= visible_[piece] ? 1 : 0;
  if (as_meant) last_progress_ = now;
  if (as_meant) overreaches_ = 0;
}

bool SiteShare::is_ours(Piece piece) const {
  const std::uint64_t own = claim(self_, piece);
  return std::none_of(near_.begin(), near_.end(), [&](const auto& each) {
    const Near& near = each.second;
    return near.lacks > 0 && claim(near.machine, piece) > own;
  });
}

void SiteShare::show(Piece piece, std::vector<Show>& shown) {
  for (auto& [link, hidden] : far_) {
    if (!hidden[piece]) continue;
    hidden[piece] = false;
    note_visible(piece);
    shown.push_back({link, piece});
  }
}

/// Pieces that no near machine has come first: the machine whose share they are may have no way to the other site. Each machine starts at
/// a different piece.
void SiteShare::overreach(std::vector<Show>& shown) {
  const auto pieces = static_cast<Piece>(mine_.size());
  const auto start = static_cast<Piece>(mix(self_ ^ static_cast<std::uint64_t>(last_overreach_.time_since_epoch().count())) % pieces);
  int left = first_overreach << std::min(overreaches_, most_doublings);
  for (const bool at_site : {false, true})
    for (Piece i = 0; i < pieces && left > 0; ++i) {
      const Piece piece = (start + i) % pieces;
      if (mine_[piece] || (at_site_[piece] > 0) != at_site) continue;
      const std::size_t before = shown.size();
      show(piece, shown);
      if (shown.size() == before) continue;
      overreached_[piece] = true;
      --left;
    }
  overreaches_ += shown.empty() ? 0 : 1;
}

std::vector<SiteShare::Show> SiteShare::next(SteadyTime now) {
  std::vector<Show> shown;
  if (lacks_ == 0 || far_.empty()) return shown;
  if (!started_ && now - start_ < grace) return shown;
  const bool starts = !std::exchange(started_, true);
  if (std::exchange(changed_, false) || starts) {
    for (Piece piece = 0; piece < mine_.size(); ++piece)
      if (is_missing(piece) && is_ours(piece)) show(piece, shown);
  }
  const bool idle = visible_missing_ == 0 || now - last_progress_ >= patience;
  if (idle && now - last_overreach_ >= patience) {
    last_overreach_ = now;
    overreach(shown);
  }
  return shown;
}

}  // namespace shoal::fanout
