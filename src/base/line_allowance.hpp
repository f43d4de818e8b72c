// How many log lines of one kind a remote party may cause. Pure; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"

namespace shoal::log {

/// Each subject has fifty lines at once and five more a second. It remembers at most 4096 subjects; beyond that, new ones share one
/// allowance, so that memory and lines stay bounded when there are more.
class LineAllowance {
 public:
  static constexpr double burst = 50;
  static constexpr double lines_per_second = 5;
  static constexpr std::size_t most_subjects = 4096;

  /// The number of lines about `subject` that were omitted since its last one, when another may be written now; nothing when it may not.
  std::optional<std::uint64_t> take(std::string_view subject, SteadyTime now);
  std::size_t subjects() const { return subjects_.size(); }

 private:
  struct Subject {
    double left = burst;
    SteadyTime at{};
    std::uint64_t omitted = 0;
  };
  Subject& find(std::string_view subject, SteadyTime now);
  void forget_the_quiet(SteadyTime now);

  std::unordered_map<std::string, Subject> subjects_;
  Subject others_;
  SteadyTime forgot_{};
};

}  // namespace shoal::log
