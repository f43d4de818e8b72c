// Randomness as a dependency, so that a test can repeat what was drawn.
#pragma once

#include <cstdint>
#include <functional>

namespace shoal::tracker {

/// A uniform number in [0, bound); bound is at least 1. Need not be secret: peers are sampled with it, nothing more.
using Random = std::function<std::uint64_t(std::uint64_t bound)>;

/// Thread-safe: each thread has a generator of its own, seeded by the system.
Random system_random();

}  // namespace shoal::tracker
