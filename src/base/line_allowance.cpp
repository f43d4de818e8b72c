#include "base/line_allowance.hpp"

#include <algorithm>

namespace shoal::log {
namespace {

double seconds_between(SteadyTime from, SteadyTime to) { return std::chrono::duration<double>(to - from).count(); }

constexpr std::chrono::seconds between_cleanings{1};
// An idle subject has its whole allowance again by then.
constexpr double quiet_after = LineAllowance::burst / LineAllowance::lines_per_second;

}  // namespace

std::optional<std::uint64_t> LineAllowance::take(std::string_view subject, SteadyTime now) {
  Subject& one = find(subject, now);
  one.left = std::min(burst, one.left + lines_per_second * seconds_between(one.at, now));
  one.at = now;
  if (one.left < 1) {
    ++one.omitted;
    return std::nullopt;
  }
  one.left -= 1;
  return std::exchange(one.omitted, 0);
}

LineAllowance::Subject& LineAllowance::find(std::string_view subject, SteadyTime now) {
  if (auto found = subjects_.find(std::string(subject)); found != subjects_.end()) return found->second;
  if (subjects_.size() >= most_subjects) forget_the_quiet(now);
  if (subjects_.size() >= most_subjects) return others_;
  return subjects_.emplace(subject, Subject{burst, now, 0}).first->second;
}

void LineAllowance::forget_the_quiet(SteadyTime now) {
  if (now - forgot_ < between_cleanings) return;
  forgot_ = now;
  std::erase_if(subjects_, [now](const auto& each) { return seconds_between(each.second.at, now) >= quiet_after; });
}

}  // namespace shoal::log
