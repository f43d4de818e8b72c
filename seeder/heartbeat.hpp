// Whether something that reads from a file server gets answers.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "base/clock.hpp"

namespace shoal::seeder {

/// Beaten by one thread, checked by another.
class Heartbeat {
 public:
  /// An answer came, and the next is waited for.
  void beat(SteadyTime now) {
    last_ = now;
    waiting_ = true;
  }
  /// Nothing is waited for.
  void rest() { waiting_ = false; }

  /// True when answers stopped coming for longer than `patience`, false when they come again; none while nothing is new.
  std::optional<bool> check(SteadyTime now, std::chrono::milliseconds patience) {
    const bool hangs = waiting_ && now - last_.load() > patience;
    if (hangs == std::exchange(hangs_, hangs)) return std::nullopt;
    return hangs;
  }

 private:
  std::atomic<bool> waiting_{false};
  std::atomic<SteadyTime> last_{};
  bool hangs_ = false;  // of who checks
};

}  // namespace shoal::seeder
