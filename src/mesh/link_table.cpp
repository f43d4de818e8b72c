#include "mesh/link_table.hpp"

#include <algorithm>

namespace shoal::mesh {

std::shared_ptr<Traffic> LinkTable::traffic(const LinkKey& key, identity::Role role) { return state_.lock()->ledger.traffic(key, role); }

void LinkTable::add(const std::shared_ptr<Link>& link) {
  auto state = state_.lock();
  auto& current = state->current[link->key()];
  if (current) current->cut(LinkEnd::replaced);
  current = link;
  state->ledger.started(link->key());
}

void LinkTable::remove(const std::shared_ptr<Link>& link) {
  auto state = state_.lock();
  if (auto current = state->current.find(link->key()); current != state->current.end() && current->second == link)
    state->current.erase(current);
  state->ledger.ended(link->key());
}

std::shared_ptr<Link> LinkTable::find(const LinkKey& key) const {
  return state_.with([&](const State& state) {
    auto current = state.current.find(key);
    return current == state.current.end() ? nullptr : current->second;
  });
}

std::vector<std::shared_ptr<Link>> LinkTable::all() const {
  return state_.with([](const State& state) {
    std::vector<std::shared_ptr<Link>> links;
    for (const auto& [key, link] : state.current) links.push_back(link);
    return links;
  });
}

std::size_t LinkTable::cut(LinkEnd why, const std::function<bool(const Link&)>& which) {
  auto links = all();
  return static_cast<std::size_t>(
      std::count_if(links.begin(), links.end(), [&](const auto& link) { return which(*link) && link->cut(why); }));
}

std::size_t LinkTable::open() const {
  return state_.with([](const State& state) { return state.ledger.open(); });
}

void LinkTable::forget(const InfoHash& info_hash) { state_.lock()->ledger.forget(info_hash); }

std::vector<LinkCounters> LinkTable::counters() const {
  return state_.with([](const State& state) { return state.ledger.counters(); });
}

std::map<identity::Role, LinkTotals> LinkTable::totals() const {
  return state_.with([](const State& state) { return state.ledger.totals(); });
}

}  // namespace shoal::mesh
