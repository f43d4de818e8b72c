// How many announces come, and how long their answers take.
#pragma once

#include "metrics/histogram.hpp"

namespace shoal::tracker {

/// Thread-safe.
struct AnnounceMeter {
  std::atomic<std::uint64_t> answered{0}, refused{0}, scrapes{0};
  metrics::Histogram latency{metrics::quick_bounds()};
};

}  // namespace shoal::tracker
