// Decides how often the event thread looks at the engine. Pure.
#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace shoal::fanout {

/// Often while data moves, so that progress is current; seldom otherwise, so that an idle machine sleeps.
class Pace {
 public:
  static constexpr std::chrono::milliseconds often{250};
  static constexpr std::chrono::milliseconds seldom{10'000};
  /// How long it stays lively after the last movement.
  static constexpr std::chrono::milliseconds lively{5'000};

  explicit Pace(SteadyTime now) : next_(now), lively_until_(now + lively) {}

  /// Data moves, or is about to.
  void moved(SteadyTime now) {
    lively_until_ = now + lively;
    next_ = std::min(next_, now + often);
  }
  bool is_lively(SteadyTime now) const { return now < lively_until_; }
  SteadyTime next() const { return next_; }
  bool is_due(SteadyTime now) const { return now >= next_; }
  void looked(SteadyTime now) { next_ = now + (is_lively(now) ? often : seldom); }

 private:
  SteadyTime next_, lively_until_;
};

}  // namespace shoal::fanout
