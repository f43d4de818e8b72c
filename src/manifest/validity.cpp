#include "manifest/validity.hpp"

namespace shoal::manifest {

std::int64_t days_left(WallTime until, WallTime now) { return std::chrono::floor<std::chrono::days>(until - now).count(); }

bool ends_soon(WallTime until, WallTime now) { return days_left(until, now) <= warning_time.count(); }

std::string end_text(WallTime until, WallTime now) {
  const auto days = std::chrono::duration_cast<std::chrono::days>(until - now).count();  // towards zero, unlike days_left
  const bool over = now >= until;
  const std::string count = std::to_string(over ? -days : days) + (days == 1 || days == -1 ? " day" : " days");
  return over ? "ended " + count + " ago" : "ends in " + count;
}

}  // namespace shoal::manifest
