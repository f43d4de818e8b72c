// How long a signed document is still good: what people are shown, and from when they are warned.
#pragma once

#include <string>

#include "base/clock.hpp"

namespace shoal::manifest {

/// With so many whole days left, or fewer, whoever shows a document's end warns of it.
inline constexpr std::chrono::days warning_time{30};

/// Whole days; negative once the time has passed.
std::int64_t days_left(WallTime until, WallTime now);
bool ends_soon(WallTime until, WallTime now);
/// "ends in 12 days", "ended 3 days ago".
std::string end_text(WallTime until, WallTime now);

}  // namespace shoal::manifest
