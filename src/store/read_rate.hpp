// How fast files may be read.
#pragma once

#include <stop_token>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/units.hpp"

namespace shoal::store {

/// Shared by all that read. Thread-safe.
class ReadRate {
 public:
  /// Bytes per second; 0 is unlimited.
  explicit ReadRate(ByteCount per_second) : per_second_(per_second) {}
  /// How long whoever wants to read so many bytes at `now` waits first.
  std::chrono::milliseconds reserve(ByteCount bytes, SteadyTime now);
  /// Reserves and waits; returns early when stopped.
  void wait(ByteCount bytes, const std::stop_token& stop);

 private:
  const ByteCount per_second_;
  Guarded<SteadyTime> free_;  // from when on there is budget again
};

}  // namespace shoal::store
