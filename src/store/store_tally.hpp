// Counters since the store was made. Internal to the store.
#pragma once

#include <atomic>

#include "base/units.hpp"

namespace shoal::store {

/// Any thread, without a lock.
struct StoreTally {
  std::atomic<std::uint64_t> verified{0}, failed{0}, hits{0}, misses{0};
  std::atomic<ByteCount> read{0}, written{0};
};

}  // namespace shoal::store
