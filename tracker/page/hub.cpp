#include "tracker/page/hub.hpp"

namespace shoal::page {
namespace {

// A comment, so that both ends notice a connection that is gone.
constexpr std::chrono::seconds sign_of_life{15};

http::Feed::Portion event(const std::string& name, const std::string& data) {
  return std::make_shared<const std::string>("event: " + name + "\ndata: " + data + "\n\n");
}

}  // namespace

std::shared_ptr<http::Feed> Hub::join(const Session& session) {
  return state_.with([&](State& state) -> std::shared_ptr<http::Feed> {
    drop_ended(state);
    if (state.readers.size() >= most_readers) return nullptr;
    if (!state.picture) state.picture = event("picture", state.model.picture(clock_.now()));
    auto feed = std::make_shared<http::Feed>(most_waiting);
    feed->push(state.picture);
    state.readers.push_back({feed, session});
    return feed;
  });
}

void Hub::update(const std::function<void(FleetModel&)>& work) {
  state_.with([&](State& state) {
    work(state.model);
    const std::string changes = state.model.changes(clock_.now());
    if (!changes.empty()) state.picture = nullptr;
    drop_ended(state);
    const SteadyTime now = clock_.steady_now();
    if (changes.empty() && now < state.told + sign_of_life) return;
    state.told = now;
    const http::Feed::Portion portion = changes.empty() ? std::make_shared<const std::string>(":\n\n") : event("change", changes);
    for (const Reader& reader : state.readers) reader.feed->push(portion);
  });
}

void Hub::drop_ended(State& state) const {
  std::erase_if(state.readers, [now = clock_.steady_now()](const Reader& reader) {
    if (reader.session.until <= now) reader.feed->end();
    return reader.feed->ended();
  });
}

void Hub::leave(const Sha256& session) {
  state_.with([&](State& state) {
    std::erase_if(state.readers, [&](const Reader& reader) {
      if (reader.session.id != session) return false;
      reader.feed->end();
      return true;
    });
  });
}

Json Hub::details(const NodeId& machine) const {
  return state_.with([&](const State& state) { return state.model.details(machine); });
}

std::size_t Hub::readers() const {
  return state_.with([](const State& state) { return state.readers.size(); });
}

void Hub::close() {
  state_.with([](State& state) {
    for (const Reader& reader : state.readers) reader.feed->end();
    state.readers.clear();
  });
}

}  // namespace shoal::page
