// Exponential back-off: how long to wait before the next attempt. Pure.
#pragma once

#include <algorithm>
#include <type_traits>

namespace shoal {

/// `first`, doubled `doublings` times, up to `longest`.
template <class Duration>
constexpr Duration backoff(std::type_identity_t<Duration> first, Duration longest, unsigned doublings) {
  Duration pause = std::min(first, longest);
  for (unsigned i = 0; i < doublings && pause > Duration::zero() && pause < longest; ++i) pause = std::min(pause * 2, longest);
  return pause;
}

}  // namespace shoal
