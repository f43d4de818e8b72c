#include "mesh/unfinished.hpp"

#include <algorithm>

namespace shoal::mesh {
namespace {

/// An IPv4 address, or the /64 network of an IPv6 address: who has one of those has all of them.
std::string origin(const net::ip::address& address) {
  if (!address.is_v6()) return address.to_string();
  auto bytes = address.to_v6().to_bytes();
  return std::string(bytes.begin(), bytes.begin() + 8);
}

}  // namespace

Unfinished::Unfinished(std::size_t cap, std::size_t cap_of_address)
    : cap_(std::max<std::size_t>(cap, 1)), cap_of_address_(std::max<std::size_t>(cap_of_address, 1)) {}

Unfinished::Ticket Unfinished::add(const net::ip::address& from, std::function<void()> drop_it) {
  std::string address = origin(from);
  if (waiting_.size() >= cap_) drop(victim(nullptr));
  else if (count(address) >= cap_of_address_) drop(victim(&address));
  waiting_[++last_] = {std::move(address), Stage::silent, std::move(drop_it)};
  return last_;
}

void Unfinished::advance(Ticket ticket, Stage stage) {
  if (auto found = waiting_.find(ticket); found != waiting_.end()) found->second.stage = std::max(found->second.stage, stage);
}

void Unfinished::remove(Ticket ticket) { waiting_.erase(ticket); }

bool Unfinished::drop_one() {
  Ticket ticket = victim(nullptr);
  if (ticket != 0) drop(ticket);
  return ticket != 0;
}

Unfinished::Ticket Unfinished::victim(const std::string* only_from) const {
  std::map<std::string, std::size_t> counts;
  Stage lowest = Stage::known;
  auto eligible = [&](const Waiting& one) { return only_from == nullptr || one.from == *only_from; };
  for (const auto& [ticket, one] : waiting_)
    if (eligible(one)) lowest = std::min(lowest, one.stage);
  for (const auto& [ticket, one] : waiting_)
    if (eligible(one) && one.stage == lowest) ++counts[one.from];
  Ticket chosen = 0;
  std::size_t most = 0;
  for (const auto& [ticket, one] : waiting_)
    if (eligible(one) && one.stage == lowest && counts[one.from] > most) {
      chosen = ticket;
      most = counts[one.from];
    }
  return chosen;
}

void Unfinished::drop(Ticket ticket) {
  auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return;
  auto drop_it = std::move(found->second.drop);
  waiting_.erase(found);
  drop_it();
}

std::size_t Unfinished::count(const std::string& from) const {
  auto is_from = [&](const auto& entry) { return entry.second.from == from; };
  return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), is_from));
}

}  // namespace shoal::mesh
