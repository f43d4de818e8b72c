// A clock that never says an earlier time than a signed document that was seen.
#pragma once

#include <atomic>

#include "base/clock.hpp"
#include "base/files.hpp"

namespace shoal::node {

/// max(the system's time, the latest time at which a verified document was issued). The floor comes from signed documents and never from
/// the system's own clock, so that one jump of that to a far year does no lasting harm. Thread-safe.
class FlooredClock final : public Clock {
 public:
  /// Reads the floor from STATE/clock-floor; none there: no floor.
  FlooredClock(const Clock& inner, const fs::path& state);
  WallTime now() const override;
  SteadyTime steady_now() const override { return inner_.steady_now(); }
  /// Durable from the minute on.
  void raise(WallTime to);
  /// Whether the system's clock is behind the floor by more than a day.
  bool suspect() const;

 private:
  const Clock& inner_;
  const fs::path file_;
  std::atomic<WallTime::rep> floor_{0};
  std::atomic<WallTime::rep> saved_{0};
};

}  // namespace shoal::node
