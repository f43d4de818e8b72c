// How fast files may be read to be hashed, and how much was.
#pragma once

#include <atomic>
#include <stop_token>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/units.hpp"

namespace shoal::store {

/// Shared by all that hash. Thread-safe.
class ReadRate {
 public:
  /// Bytes per second; 0 is unlimited.
  explicit ReadRate(ByteCount per_second = 0) : per_second_(per_second) {}
  /// Holds for what is reserved from now on.
  void limit(ByteCount per_second) { per_second_ = per_second; }
  /// The wait before reading this many bytes at `now`.
  std::chrono::milliseconds reserve(ByteCount bytes, SteadyTime now);
  /// Reserves and waits; returns early when stopped.
  void wait(ByteCount bytes, const std::stop_token& stop);

  void count(ByteCount bytes) { read_ += bytes; }
  /// Bytes that were read since the start.
  ByteCount read() const { return read_; }

 private:
  std::atomic<ByteCount> per_second_;
  std::atomic<ByteCount> read_{0};
  Guarded<SteadyTime> free_;  // from when on there is budget again
};

}  // namespace shoal::store
