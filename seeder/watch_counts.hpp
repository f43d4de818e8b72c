// How the watched directories stand, for the metrics.
#pragma once

#include <cstddef>

#include "metrics/page.hpp"
#include "seeder/watch_decision.hpp"

namespace shoal::seeder {

struct WatchCounts {
  std::array<std::size_t, watch_state_names.size()> versions{};  // by WatchState
  std::size_t roots = 0, lost = 0;                               // all of them; those that cannot be read
  std::size_t& operator[](WatchState state) { return versions[static_cast<std::size_t>(state)]; }
  void add(const WatchCounts& other);
};

void describe(metrics::Page& page, const WatchCounts& counts);

}  // namespace shoal::seeder
