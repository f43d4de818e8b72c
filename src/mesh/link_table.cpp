#include "mesh/link_table.hpp"

#include <algorithm>

namespace shoal::mesh {

std::shared_ptr<Traffic> LinkTable::traffic(const LinkKey& key, identity::Role role) {
  auto state = state_.lock();
  Entry& entry = state->entries[key];
  entry.role = role;
  if (!entry.traffic) entry.traffic = std::make_shared<Traffic>();
  return entry.traffic;
}

void LinkTable::add(const std::shared_ptr<Link>& link) {
  auto state = state_.lock();
  Entry& entry = state->entries[link->key()];
  if (entry.current) entry.current->cut(LinkEnd::replaced);
  entry.current = link;
  ++entry.open;
  ++state->open;
}

void LinkTable::remove(const std::shared_ptr<Link>& link) {
  auto state = state_.lock();
  Entry& entry = state->entries[link->key()];
  if (entry.current == link) entry.current.reset();
  --entry.open;
  --state->open;
}

std::shared_ptr<Link> LinkTable::find(const LinkKey& key) const {
  return state_.with([&](const State& state) {
    auto entry = state.entries.find(key);
    return entry == state.entries.end() ? nullptr : entry->second.current;
  });
}

std::vector<std::shared_ptr<Link>> LinkTable::all() const {
  return state_.with([](const State& state) {
    std::vector<std::shared_ptr<Link>> links;
    for (const auto& [key, entry] : state.entries)
      if (entry.current) links.push_back(entry.current);
    return links;
  });
}

std::size_t LinkTable::cut(LinkEnd why, const std::function<bool(const Link&)>& which) {
  auto links = all();
  return static_cast<std::size_t>(
      std::count_if(links.begin(), links.end(), [&](const auto& link) { return which(*link) && link->cut(why); }));
}

std::size_t LinkTable::open() const {
  return state_.with([](const State& state) { return state.open; });
}

std::vector<LinkCounters> LinkTable::counters() const {
  return state_.with([](const State& state) {
    std::vector<LinkCounters> all;
    for (const auto& [key, entry] : state.entries) {
      LinkCounters one{key.peer, entry.role, key.info_hash, 0, 0, entry.open};
      if (entry.traffic) {
        one.received = entry.traffic->received.load(std::memory_order_relaxed);
        one.sent = entry.traffic->sent.load(std::memory_order_relaxed);
      }
      all.push_back(std::move(one));
    }
    return all;
  });
}

}  // namespace shoal::mesh
