// Limits by time of day and weekday. Pure, but for `local_time`.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace shoal::node {

/// Bytes per second; 0: unlimited.
struct Rates {
  ByteCount upload = 0, download = 0;
  bool operator==(const Rates&) const = default;
};

/// A moment on the machine's own clock on the wall.
struct LocalTime {
  unsigned weekday = 0;  // 0: Sunday
  unsigned minute = 0;   // of the day, 0 to 1439
};

/// In the machine's time zone (TZ, /etc/localtime).
LocalTime local_time(WallTime time);

/// Rules such as "mon-fri 08:00-18:00 up=10MB down=50MB" or "sat,sun 00:00-24:00 up=0": days ("daily" for all), a window, and the
/// rate of one direction or both. A window over midnight ("fri 22:00-06:00") belongs to the day on which it begins. Of the rules
/// that hold now, the last that names a direction decides on it.
class BandwidthSchedule {
 public:
  BandwidthSchedule() = default;
  /// Code `usage`, with the rule that is wrong.
  static Result<BandwidthSchedule> parse(const std::vector<std::string>& rules);

  Rates at(LocalTime now, const Rates& otherwise) const;
  bool empty() const { return rules_.empty(); }

 private:
  struct Rule {
    std::vector<bool> days;        // 7, from Sunday
    unsigned from = 0, until = 0;  // minutes of the day; until may be 1440, or less than from (over midnight)
    bool names_upload = false, names_download = false;
    Rates rates;
  };
  static Result<Rule> parse_rule(const std::string& text);
  static Status parse_rate(std::string_view word, Rule& rule);
  static bool holds(const Rule& rule, LocalTime now);
  std::vector<Rule> rules_;
};

}  // namespace shoal::node
