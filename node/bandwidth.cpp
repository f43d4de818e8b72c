#include "node/bandwidth.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <optional>
#include <sstream>
#include <tuple>

#include "base/encoding.hpp"

namespace shoal::node {
namespace {

constexpr unsigned minutes_of_day = 24 * 60;
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

Error wrong(std::string_view what, std::string_view text) {
  return fail(ErrorCode::usage, "'" + printable(text) + "' is not " + std::string(what));
}

Result<unsigned> parse_day(std::string_view text) {
  auto found = std::find(day_names.begin(), day_names.end(), text);
  if (found == day_names.end()) return wrong("a day: mon, tue, wed, thu, fri, sat or sun", text);
  return static_cast<unsigned>(found - day_names.begin());
}

/// "mon", "mon-fri", and around the week's end "sat-mon".
Status add_days(std::string_view text, std::vector<bool>& days) {
  const auto dash = text.find('-');
  SHOAL_TRY(unsigned day, parse_day(text.substr(0, dash)));
  unsigned last = day;
  if (dash != std::string_view::npos) {
    SHOAL_TRY(last, parse_day(text.substr(dash + 1)));
  }
  days[day] = true;
  while (day != last) days[day = (day + 1) % 7] = true;
  return {};
}

Result<std::vector<bool>> parse_days(std::string_view text) {
  if (text == "daily") return std::vector<bool>(7, true);
  std::vector<bool> days(7, false);
  while (true) {
    const auto comma = text.find(',');
    SHOAL_CHECK(add_days(text.substr(0, comma), days));
    if (comma == std::string_view::npos) return days;
    text.remove_prefix(comma + 1);
  }
}

/// Two digits that are at most `most`.
std::optional<unsigned> two_digits(std::string_view text, unsigned most) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.size() != 2 || error != std::errc() || end != text.data() + 2 || value > most) return std::nullopt;
  return value;
}

/// "08:00" in minutes; "24:00" is the day's end.
Result<unsigned> parse_minute(std::string_view text) {
  std::optional<unsigned> hour, minute;
  if (text.size() == 5 && text[2] == ':') {
    hour = two_digits(text.substr(0, 2), 24);
    minute = two_digits(text.substr(3), 59);
  }
  if (!hour || !minute || *hour * 60 + *minute > minutes_of_day) return wrong("a time of day such as 08:00", text);
  return *hour * 60 + *minute;
}

Result<std::pair<unsigned, unsigned>> parse_window(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return wrong("a window such as 08:00-18:00", text);
  SHOAL_TRY(unsigned from, parse_minute(text.substr(0, dash)));
  SHOAL_TRY(unsigned until, parse_minute(text.substr(dash + 1)));
  if (from == until || from == minutes_of_day) return wrong("a window with an inside (00:00-24:00 is the whole day)", text);
  return std::pair(from, until);
}

}  // namespace

LocalTime local_time(WallTime time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return {static_cast<unsigned>(parts.tm_wday), static_cast<unsigned>(parts.tm_hour * 60 + parts.tm_min)};
}

Status BandwidthSchedule::parse_rate(std::string_view word, Rule& rule) {
  const bool up = word.starts_with("up="), down = word.starts_with("down=");
  if (!up && !down) return wrong("a rate such as up=10MB or down=50MB", word);
  bool& named = up ? rule.names_upload : rule.names_download;
  if (named) return fail(ErrorCode::usage, "'" + printable(word) + "' gives a second rate for one direction");
  named = true;
  SHOAL_TRY((up ? rule.rates.upload : rule.rates.download), shoal::parse_rate(word.substr(word.find('=') + 1)));
  return {};
}

Result<BandwidthSchedule::Rule> BandwidthSchedule::parse_rule(const std::string& text) {
  std::istringstream words(text);
  std::string days, window, rate;
  words >> days >> window;
  Rule rule;
  SHOAL_TRY(rule.days, parse_days(days));
  SHOAL_TRY(auto minutes, parse_window(window));
  std::tie(rule.from, rule.until) = minutes;
  while (words >> rate) SHOAL_CHECK(parse_rate(rate, rule));
  if (!rule.names_upload && !rule.names_download) return fail(ErrorCode::usage, "no rate is given: add up=10MB, down=50MB or both");
  return rule;
}

Result<BandwidthSchedule> BandwidthSchedule::parse(const std::vector<std::string>& rules) {
  BandwidthSchedule schedule;
  for (const std::string& text : rules) {
    SHOAL_TRY(Rule rule, parse_rule(text).within("bandwidth rule '" + printable(text, 200) + "'"));
    schedule.rules_.push_back(std::move(rule));
  }
  return schedule;
}

bool BandwidthSchedule::holds(const Rule& rule, LocalTime now) {
  const bool today = rule.days[now.weekday % 7], yesterday = rule.days[(now.weekday + 6) % 7];
  if (rule.from < rule.until) return today && now.minute >= rule.from && now.minute < rule.until;
  return (today && now.minute >= rule.from) || (yesterday && now.minute < rule.until);
}

Rates BandwidthSchedule::at(LocalTime now, const Rates& otherwise) const {
  Rates rates = otherwise;
  for (const Rule& rule : rules_) {
    if (!holds(rule, now)) continue;
    if (rule.names_upload) rates.upload = rule.rates.upload;
    if (rule.names_download) rates.download = rule.rates.download;
  }
  return rates;
}

}  // namespace shoal::node
