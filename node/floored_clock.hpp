// A clock for documents that never says an earlier time than this machine itself has seen, and that no document can put forward.
#pragma once

#include <atomic>

#include "base/clock.hpp"
#include "base/files.hpp"

namespace shoal::node {

/// By how much two honest clocks may differ.
inline constexpr std::chrono::minutes clock_slack{5};

/// Judges whether documents have expired; nothing else (never certificates). It is the system's time, or the floor where that is later: the
/// latest time at which a verified document was issued while the system's clock agreed, so that a clock that has lost its battery does not
/// make expired documents valid again. A document from the future raises the floor to the system's time and `clock_slack`, no further.
/// Thread-safe.
class FlooredClock final : public Clock {
 public:
  /// Reads the floor from STATE/document-time; none there: no floor. STATE/clock-floor, which older versions wrote and any publisher could
  /// raise, is removed.
  FlooredClock(const Clock& inner, const fs::path& state);
  WallTime now() const override;
  SteadyTime steady_now() const override { return inner_.steady_now(); }
  /// A verified document was issued then. Durable from the minute on.
  void raise(WallTime issued);
  /// The tracker has just said that it is this late. Where this machine's clock says the same, that is the time, and a floor above it came
  /// from a clock that was wrong: it is lowered.
  void agree(WallTime tracker_time);
  /// Whether the system's clock is behind the floor by more than a day.
  bool suspect() const;

 private:
  void save(WallTime::rep floor);
  const Clock& inner_;
  const fs::path file_;
  std::atomic<WallTime::rep> floor_{0};
  std::atomic<WallTime::rep> saved_{0};
};

}  // namespace shoal::node
