#include "fanout/blame.hpp"

#include <algorithm>

namespace shoal::fanout {
namespace {

/// Of all disputed pieces together: a GiB of blocks with an owner. The oldest go first.
constexpr std::size_t most_claims = 65536;

/// The machine that sent every block, if there is one. A piece with a block that is not there failed for that.
std::shared_ptr<const NodeId> only_sender(const BlockSenders& senders, const BlockDigests& digests) {
  const bool whole = digests.size() == senders.size() && std::all_of(digests.begin(), digests.end(), [](const auto& one) { return !!one; });
  if (!whole || senders.empty() || !senders.front()) return nullptr;
  const bool same = std::all_of(senders.begin(), senders.end(), [&](const auto& one) { return one && *one == *senders.front(); });
  return same ? senders.front() : nullptr;
}

void note(Blame::Machines& machines, const NodeId& machine) {
  if (std::find(machines.begin(), machines.end(), machine) == machines.end()) machines.push_back(machine);
}

}  // namespace

Blame::Machines Blame::failed(Piece piece, const BlockSenders& senders, const BlockDigests& digests) {
  Machines convicted;
  if (auto only = only_sender(senders, digests)) {
    note(convicted, *only);
    return convicted;
  }
  std::vector<Claim> claims;
  for (std::uint32_t block = 0; block < senders.size() && block < digests.size(); ++block)
    if (senders[block] && digests[block]) claims.push_back({block, senders[block], *digests[block]});
  if (claims.empty()) return convicted;
  Dispute& found = dispute(piece);
  ++found.failures;
  found.claims.insert(found.claims.end(), claims.begin(), claims.end());
  if (!found.truth.empty()) convicted = liars(found.claims, found.truth);
  keep_bounded();
  return convicted;
}

Blame::Machines Blame::settled(Piece piece, const BlockDigests& truth) {
  auto found = disputes_.find(piece);
  if (found == disputes_.end()) return {};
  found->second.truth = truth;
  Machines convicted = liars(found->second.claims, truth);
  keep_bounded();
  return convicted;
}

Blame::Machines Blame::verified(Piece piece, const BlockDigests& truth) {
  auto found = disputes_.find(piece);
  if (found == disputes_.end()) return {};
  Machines convicted = liars(found->second.claims, truth);
  forget(piece);
  return convicted;
}

/// Nothing is left of the claims: what is right clears, what is wrong convicts.
Blame::Machines Blame::liars(std::vector<Claim>& claims, const BlockDigests& truth) {
  Machines convicted;
  for (const Claim& claim : claims)
    if (claim.block < truth.size() && truth[claim.block] && *truth[claim.block] != claim.digest) note(convicted, *claim.sender);
  claims.clear();
  return convicted;
}

const Sha256* Blame::truth(Piece piece, std::uint32_t block) const {
  auto found = disputes_.find(piece);
  if (found == disputes_.end() || block >= found->second.truth.size() || !found->second.truth[block]) return nullptr;
  return &*found->second.truth[block];
}

std::optional<Blame::Piece> Blame::to_settle(const std::function<bool(const NodeId&)>& is_liar) const {
  for (const Piece piece : order_) {
    const Dispute& open = disputes_.at(piece);
    if (!open.truth.empty()) continue;
    const bool explained = std::any_of(open.claims.begin(), open.claims.end(), [&](const Claim& claim) { return is_liar(*claim.sender); });
    if (!explained || open.failures > 1) return piece;
  }
  return std::nullopt;
}

std::set<NodeId> Blame::senders(Piece piece) const {
  std::set<NodeId> all;
  if (auto found = disputes_.find(piece); found != disputes_.end())
    for (const Claim& claim : found->second.claims) all.insert(*claim.sender);
  return all;
}

std::size_t Blame::suspicions(const NodeId& machine) const {
  return static_cast<std::size_t>(std::count_if(disputes_.begin(), disputes_.end(), [&](const auto& entry) {
    const auto& claims = entry.second.claims;
    return std::any_of(claims.begin(), claims.end(), [&](const Claim& claim) { return *claim.sender == machine; });
  }));
}

Blame::Dispute& Blame::dispute(Piece piece) {
  auto [found, is_new] = disputes_.try_emplace(piece);
  if (is_new) order_.push_back(piece);
  return found->second;
}

void Blame::forget(Piece piece) {
  disputes_.erase(piece);
  std::erase(order_, piece);
}

/// The newest dispute stays, however many claims it has.
void Blame::keep_bounded() {
  const auto count = [&] {
    std::size_t all = 0;
    for (const auto& [piece, open] : disputes_) all += 1 + open.claims.size();
    return all;
  };
  while (order_.size() > 1 && count() > most_claims) forget(order_.front());
}

}  // namespace shoal::fanout
