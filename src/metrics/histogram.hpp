// How often something took how long.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace shoal::metrics {

/// Thread-safe; never waits.
class Histogram {
 public:
  /// Upper bounds of the buckets in seconds, rising; one more holds what is above the last.
  explicit Histogram(std::vector<double> bounds);

  void observe(std::chrono::nanoseconds time);

  struct Reading {
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;  // of what is at most bounds[i]; the last one of all
    double sum = 0;                     // seconds
  };
  Reading read() const;

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<std::uint64_t> nanoseconds_{0};
};

/// Of an answer from memory, 50 microseconds to a second.
std::vector<double> quick_bounds();

}  // namespace shoal::metrics
