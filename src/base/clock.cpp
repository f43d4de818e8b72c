#include "base/clock.hpp"

#include <cstdio>
#include <ctime>

#include "base/encoding.hpp"

namespace shoal {

WallTime SystemClock::now() const { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }
SteadyTime SystemClock::steady_now() const { return std::chrono::steady_clock::now(); }

WallTime ManualClock::now() const {
  return state_.with([](const State& state) { return state.wall; });
}
SteadyTime ManualClock::steady_now() const {
  return state_.with([](const State& state) { return state.steady; });
}
void ManualClock::advance(std::chrono::seconds by) {
  state_.with([&](State& state) {
    state.wall += by;
    state.steady += by;
  });
}

std::string format_time(WallTime time) {
  std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char buffer[32];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return buffer;
}

Result<WallTime> parse_time(std::string_view text) {
  std::string copy(text);
  std::tm parts{};
  char* end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0' || copy.size() != 20)
    return fail("'" + printable(copy) + "' is not a time such as 2026-01-31T12:00:00Z");
  WallTime time{std::chrono::seconds(::timegm(&parts))};
  // strptime takes the 31st of February; the round trip does not.
  if (format_time(time) != copy) return fail("'" + printable(copy) + "' is not a date of the calendar");
  return time;
}

}  // namespace shoal
