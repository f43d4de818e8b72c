#include "mesh/link_ledger.hpp"

#include <utility>

namespace shoal::mesh {

std::shared_ptr<Traffic> LinkLedger::traffic(const LinkKey& key, identity::Role role) {
  Entry& entry = entries_[key];
  entry.role = role;
  return entry.traffic;
}

void LinkLedger::started(const LinkKey& key) {
  ++entries_[key].open;
  ++open_;
}

void LinkLedger::ended(const LinkKey& key) {
  auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.open == 0) return;
  --open_;
  if (--entry->second.open > 0) return;
  ends_.push_back({key, entry->second.last_end = ++last_end_});
  if (ends_.size() <= most_ended_) return;
  const End oldest = std::move(ends_.front());
  ends_.pop_front();
  auto old = entries_.find(oldest.key);
  if (old != entries_.end() && old->second.open == 0 && old->second.last_end == oldest.number) forget_one(old);
}

void LinkLedger::forget(const InfoHash& info_hash) {
  for (auto entry = entries_.begin(); entry != entries_.end();)
    entry = entry->first.info_hash == info_hash && entry->second.open == 0 ? forget_one(entry) : std::next(entry);
}

LinkLedger::Entries::iterator LinkLedger::forget_one(Entries::iterator entry) {
  add(forgotten_[entry->second.role], entry->second);
  return entries_.erase(entry);
}

void LinkLedger::add(LinkTotals& totals, const Entry& entry) {
  totals.received += entry.traffic->received.load(std::memory_order_relaxed);
  totals.sent += entry.traffic->sent.load(std::memory_order_relaxed);
  totals.links += entry.open;
}

std::vector<LinkCounters> LinkLedger::counters() const {
  std::vector<LinkCounters> all;
  for (const auto& [key, entry] : entries_)
    all.push_back({key.peer, entry.role, key.info_hash, entry.traffic->received.load(std::memory_order_relaxed),
                   entry.traffic->sent.load(std::memory_order_relaxed), entry.open, std::nullopt});
  return all;
}

std::map<identity::Role, LinkTotals> LinkLedger::totals() const {
  auto totals = forgotten_;
  for (const auto& [key, entry] : entries_) add(totals[entry.role], entry);
  return totals;
}

}  // namespace shoal::mesh
