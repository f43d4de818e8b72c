// How fast something moves, from the amounts of the last seconds. No I/O, no clock of its own; one thread at a time.
#pragma once

#include <chrono>
#include <deque>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace shoal::cli {

class RateMeter {
 public:
  /// The amount at this moment. One that is lower than before begins a new measurement.
  void add(SteadyTime now, ByteCount done);
  /// Bytes per second over the last five seconds; 0 in the first second, when nobody can know.
  ByteCount rate() const;
  /// For how long the amount has not changed.
  std::chrono::milliseconds idle() const;
  /// For how long it has been measured.
  std::chrono::milliseconds age() const;

 private:
  struct Sample {
    SteadyTime at;
    ByteCount done;
  };
  std::deque<Sample> samples_;  // of the last five seconds, and the one before
  SteadyTime begun_{}, moved_{};
};

}  // namespace shoal::cli
