// Time as a dependency. Wall time for documents and certificates, steady time for deadlines.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/guarded.hpp"
#include "base/result.hpp"

namespace shoal {

using WallTime = std::chrono::sys_seconds;
using SteadyTime = std::chrono::steady_clock::time_point;

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual SteadyTime steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime now() const override;
  SteadyTime steady_now() const override;
};

/// A clock that moves only when a test says so.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start) : state_({start, SteadyTime{}}) {}
  WallTime now() const override;
  SteadyTime steady_now() const override;
  void advance(std::chrono::seconds by);

 private:
  struct State {
    WallTime wall;
    SteadyTime steady;
  };
  Guarded<State> state_;
};

/// RFC 3339 in UTC with seconds: "2026-01-31T12:00:00Z". Parsing accepts exactly this form.
std::string format_time(WallTime time);
Result<WallTime> parse_time(std::string_view text);

}  // namespace shoal
