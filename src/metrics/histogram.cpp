#include "metrics/histogram.hpp"

#include <algorithm>

namespace shoal::metrics {

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), seconds) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  nanoseconds_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count())), std::memory_order_relaxed);
}

Histogram::Reading Histogram::read() const {
  Reading reading{bounds_, {}, static_cast<double>(nanoseconds_.load(std::memory_order_relaxed)) / 1e9};
  std::uint64_t sum = 0;
  for (const auto& count : counts_) reading.counts.push_back(sum += count.load(std::memory_order_relaxed));
  return reading;
}

std::vector<double> quick_bounds() { return {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1}; }

}  // namespace shoal::metrics
