#include "node/contents.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::node {

Status Contents::keep(const ReleaseId& id, swarm::Content content) {
  const InfoHash hash = content.metainfo.info_hash();
  auto state = state_.lock();
  if (auto users = state->find(hash); users != state->end()) {
    users->second.releases.insert(id);
    return {};
  }
  SHOAL_CHECK(swarm_.add(std::move(content)));
  state->emplace(hash, Users{id, {id}});
  return {};
}

Status Contents::fetch(const ReleaseId& id, swarm::Content content) {
  const InfoHash hash = content.metainfo.info_hash();
  auto state = state_.lock();
  auto users = state->find(hash);
  if (users != state->end() && users->second.server != id) {
    if (is_fetched(hash)) return fail(ErrorCode::conflict, "content " + hash.hex() + " is being fetched for another release");
    swarm_.remove(hash);
  }
  SHOAL_CHECK(swarm_.add(std::move(content)));
  if (users == state->end()) users = state->emplace(hash, Users{}).first;
  users->second.server = id;
  users->second.releases.insert(id);
  return {};
}

void Contents::forget(const ReleaseId& id) {
  auto state = state_.lock();
  const auto users = std::find_if(state->begin(), state->end(), [&](const auto& each) { return each.second.releases.contains(id); });
  if (users == state->end()) return;
  users->second.releases.erase(id);
  if (users->second.server != id) return;
  swarm_.remove(users->first);
  serve_from_another(*state, users);
}

bool Contents::is_fetched(const InfoHash& content) const {
  const auto progress = swarm_.progress(content);
  return progress && !progress->complete;
}

void Contents::serve_from_another(State& state, State::iterator users) {
  for (const ReleaseId& other : users->second.releases) {
    auto content = load_(other);
    const Status served = content.ok() ? swarm_.add(std::move(content).value()) : Status(content.error());
    if (served.ok()) {
      users->second.server = other;
      return;
    }
    log::warn("release_not_served", {{"release", other.hex()}, {"reason", served.error().message}});
  }
  state.erase(users);
}

}  // namespace shoal::node
