#include "http/stranger_pool.hpp"

#include <algorithm>

namespace shoal::http {

/// Of the address with the most connections, the oldest that may go; where that one has none, of the next address.
std::optional<StrangerPool::Victim> StrangerPool::find_victim(const State& state, SteadyTime now) const {
  std::optional<Victim> found;
  for (auto block = state.blocks.begin(); block != state.blocks.end(); ++block) {
    auto may_go = [&](const Entry& entry) { return !entry.busy && now - entry.since >= grace_; };
    auto oldest = std::find_if(block->second.begin(), block->second.end(), may_go);
    if (oldest == block->second.end()) continue;
    auto rank = [](const Victim& victim) {
      return std::pair(victim.first->second.size(), -victim.second->since.time_since_epoch().count());
    };
    Victim candidate{block, oldest};
    if (!found || rank(*found) < rank(candidate)) found = candidate;
  }
  return found;
}

std::optional<StrangerPool::Place> StrangerPool::enter(const std::string& block, SteadyTime now, std::function<void()> displaced) {
  std::function<void()> goes;
  auto state = state_.lock();
  if (state->open >= places_) {
    auto victim = find_victim(*state, now);
    if (!victim) return std::nullopt;
    goes = victim->second->displaced;
    ++state->displaced;
    remove(*state, std::string(victim->first->first), victim->second->id);
  }
  std::uint64_t id = state->next_id++;
  state->blocks[block].push_back({id, now, std::move(displaced)});
  ++state->open;
  state.lock().unlock();
  if (goes) goes();
  return Place(*this, block, id);
}

bool StrangerPool::has_room(SteadyTime now) const {
  return state_.with([&](const State& state) { return state.open < places_ || find_victim(state, now).has_value(); });
}

std::size_t StrangerPool::open() const {
  return state_.with([](const State& state) { return state.open; });
}

std::uint64_t StrangerPool::displaced() const {
  return state_.with([](const State& state) { return state.displaced; });
}

void StrangerPool::remove(State& state, const std::string& block, std::uint64_t id) {
  auto found = state.blocks.find(block);
  if (found == state.blocks.end()) return;
  auto entry = std::find_if(found->second.begin(), found->second.end(), [&](const Entry& each) { return each.id == id; });
  if (entry == found->second.end()) return;  // it was displaced
  found->second.erase(entry);
  --state.open;
  if (found->second.empty()) state.blocks.erase(found);
}

void StrangerPool::leave(const std::string& block, std::uint64_t id) { remove(*state_.lock(), block, id); }

void StrangerPool::set_busy(const std::string& block, std::uint64_t id, bool busy) {
  auto state = state_.lock();
  auto found = state->blocks.find(block);
  if (found == state->blocks.end()) return;
  for (Entry& entry : found->second)
    if (entry.id == id) entry.busy = busy;
}

}  // namespace shoal::http
