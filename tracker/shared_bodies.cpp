#include "tracker/shared_bodies.hpp"

#include <algorithm>

namespace shoal::tracker {

SharedBody SharedBodies::adopt(std::string body) const {
  const ByteCount size = body.size();
  *live_->lock() += size;
  // Who reads it may outlive this object.
  return SharedBody(new std::string(std::move(body)), [live = live_, size](const std::string* dead) {
    delete dead;
    *live->lock() -= size;
  });
}

void SharedBodies::drop_kept(State& state, ByteCount down_to) {
  while (!state.newest.empty() && state.newest_bytes > down_to) {
    state.newest_bytes -= state.newest.back()->size();
    state.newest.pop_back();
  }
}

void SharedBodies::keep(State& state, const SharedBody& body) const {
  auto found = std::find(state.newest.begin(), state.newest.end(), body);
  if (found != state.newest.end()) return state.newest.splice(state.newest.begin(), state.newest, found);
  if (body->size() > kept_) return;
  drop_kept(state, kept_ - body->size());
  state.newest.push_front(body);
  state.newest_bytes += body->size();
}

Result<SharedBody> SharedBodies::get(const ReleaseId& id, ByteCount size, const std::function<Result<std::string>()>& load) {
  auto state = state_.lock();
  if (SharedBody body = state->known[id].lock()) {
    keep(*state, body);
    return body;
  }
  std::erase_if(state->known, [](const auto& entry) { return entry.second.expired(); });
  if (live() + size > most_) drop_kept(*state, 0);
  if (live() != 0 && live() + size > most_)
    return fail(ErrorCode::unreachable, "the tracker is sending other large answers: try again in a moment");
  SHOAL_TRY(std::string loaded, load());
  SharedBody body = adopt(std::move(loaded));
  state->known[id] = body;
  keep(*state, body);
  return body;
}

}  // namespace shoal::tracker
