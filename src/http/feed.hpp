// A body without an end: what a server pushes to one reader, such as server-sent events.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/guarded.hpp"
#include "base/units.hpp"

namespace shoal::http {

/// Thread-safe. Portions are shared, so that what many readers get is in memory once. A reader that waits with too much is dropped: it
/// would hold memory for as long as it likes.
class Feed {
 public:
  using Portion = std::shared_ptr<const std::string>;

  explicit Feed(ByteCount most_waiting) : most_waiting_(most_waiting) {}

  /// False once the feed has ended, for instance because this portion was one too many.
  bool push(Portion portion);
  void end();
  bool ended() const {
    return state_.with([](const State& state) { return state.ended; });
  }

  // For the session that writes.
  /// Called after each push and at the end, on the thread that did it.
  void on_news(std::function<void()> wake);
  std::optional<Portion> take();

 private:
  struct State {
    std::deque<Portion> waiting;
    ByteCount bytes = 0;
    bool ended = false;
    std::function<void()> wake;
  };
  const ByteCount most_waiting_;
  Guarded<State> state_;
};

}  // namespace shoal::http
