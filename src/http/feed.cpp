#include "http/feed.hpp"

namespace shoal::http {

bool Feed::push(Portion portion) {
  std::function<void()> wake;
  const bool taken = state_.with([&](State& state) {
    if (state.ended) return false;
    state.bytes += portion->size();
    state.waiting.push_back(std::move(portion));
    // One portion may be larger than the limit: the first picture of a large fleet.
    if (state.waiting.size() > 1 && state.bytes > most_waiting_) {
      state.ended = true;
      state.waiting.clear();
    }
    wake = state.wake;
    return !state.ended;
  });
  if (wake) wake();
  return taken;
}

void Feed::end() {
  std::function<void()> wake;
  state_.with([&](State& state) {
    state.ended = true;
    wake = state.wake;
  });
  if (wake) wake();
}

void Feed::on_news(std::function<void()> wake) {
  state_.with([&](State& state) { state.wake = std::move(wake); });
}

std::optional<Feed::Portion> Feed::take() {
  return state_.with([](State& state) -> std::optional<Portion> {
    if (state.waiting.empty()) return std::nullopt;
    Portion next = std::move(state.waiting.front());
    state.waiting.pop_front();
    state.bytes -= next->size();
    return next;
  });
}

}  // namespace shoal::http
