#include "base/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/encoding.hpp"

namespace shoal {
namespace {

/// Splits "12.5 GB" into 12.5 and "GB".
Result<std::pair<double, std::string_view>> split_number(std::string_view text, std::string_view what) {
  double number = 0;
  // from_chars would take "nan" and "inf".
  bool starts_well = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!starts_well) return fail(ErrorCode::usage, "'" + printable(text) + "' is not " + std::string(what));
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return fail(ErrorCode::usage, "'" + printable(text) + "' is not " + std::string(what));
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  return std::pair(number, unit);
}

/// Advice for units that people mistake.
std::string unit_advice(std::string_view unit) {
  if (unit.ends_with("/s")) return ": leave out /s";
  if (unit.ends_with("bit") || (unit.size() == 2 && unit.ends_with('b'))) return ": bits are not counted here, write MB for megabytes";
  static constexpr std::array<std::string_view, 8> short_forms{"k", "K", "M", "G", "T", "mb", "gb", "kb"};
  const bool is_short = std::find(short_forms.begin(), short_forms.end(), unit) != short_forms.end();
  return is_short ? ": the units are kB, MB, GB, TB, KiB, MiB, GiB and TiB" : "";
}

struct TimeUnit {
  std::string_view names;  // separated by spaces; the first is the short one
  double milliseconds;
};
constexpr std::array<TimeUnit, 7> time_units{{{" ms millisecond milliseconds ", 1.0},
                                              {" s sec second seconds ", 1e3},
                                              {" m min minute minutes ", 6e4},
                                              {" h hour hours ", 3.6e6},
                                              {" d day days ", 8.64e7},
                                              {" w week weeks ", 6.048e8},
                                              {" y year years ", 3.1536e10}}};

}  // namespace

Result<ByteCount> parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 11> units{{{"", 1.0},
                                                                              {"B", 1.0},
                                                                              {"kB", 1e3},
                                                                              {"KB", 1e3},
                                                                              {"MB", 1e6},
                                                                              {"GB", 1e9},
                                                                              {"TB", 1e12},
                                                                              {"KiB", 1024.0},
                                                                              {"MiB", 1048576.0},
                                                                              {"GiB", 1073741824.0},
                                                                              {"TiB", 1099511627776.0}}};
  SHOAL_TRY(auto parts, split_number(text, "a size such as 4GiB or 500MB"));
  for (auto [unit, factor] : units) {
    if (unit != parts.second) continue;
    double bytes = parts.first * factor;
    if (bytes > 9e18) return fail(ErrorCode::usage, "'" + printable(text) + "' is too large a size");
    return static_cast<ByteCount>(bytes);
  }
  return fail(ErrorCode::usage, "'" + printable(text) + "' is not a size such as 4GiB or 500MB" + unit_advice(parts.second));
}

Result<ByteCount> parse_rate(std::string_view text) { return parse_bytes(text.ends_with("/s") ? text.substr(0, text.size() - 2) : text); }

std::string format_bytes(ByteCount bytes) {
  static constexpr std::array<const char*, 6> units{"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  int decimals = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f %s", decimals, value, units[unit]);
  return buffer;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  SHOAL_TRY(auto parts, split_number(text, "a duration such as 30s, 10m or 1h"));
  const std::string word = " " + std::string(parts.second) + " ";
  for (const TimeUnit& unit : time_units) {
    if (parts.second.empty() || parts.second.find(' ') != std::string_view::npos || unit.names.find(word) == std::string_view::npos)
      continue;
    double milliseconds = parts.first * unit.milliseconds;
    if (milliseconds > 3.2e12) return fail(ErrorCode::usage, "'" + printable(text) + "' is longer than a century");
    return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
  }
  return fail(ErrorCode::usage, "'" + printable(text) + "' is not a duration: end it with ms, s, m, h, d, w or y");
}

std::string format_duration(std::chrono::milliseconds duration) {
  double seconds = static_cast<double>(duration.count()) / 1000;
  long whole = static_cast<long>(seconds);
  char buffer[64];
  if (seconds < 60) std::snprintf(buffer, sizeof buffer, "%.1fs", seconds);
  else if (seconds < 3600) std::snprintf(buffer, sizeof buffer, "%ldm%02lds", whole / 60, whole % 60);
  else std::snprintf(buffer, sizeof buffer, "%ldh%02ldm", whole / 3600, whole / 60 % 60);
  return buffer;
}

std::string HostPort::str() const {
  bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<HostPort> parse_host_port(std::string_view text) {
  Error bad = fail(ErrorCode::usage, "'" + printable(text) + "' is not an address and port such as 0.0.0.0:7000 or [::]:7000");
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = text.substr(0, colon), digits = text.substr(colon + 1);
  bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || (!bracketed && host.find(':') != std::string_view::npos)) return bad;
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return bad;
  return HostPort{std::string(host), port};
}

Result<HostPort> parse_https_url(std::string_view text, std::uint16_t default_port) {
  const std::string bad = "'" + printable(text) + "' is not an address such as https://tracker.example:7443";
  std::string_view rest = text;
  if (!rest.starts_with("https://")) return fail(ErrorCode::usage, "'" + printable(text) + "' must start with https://");
  rest.remove_prefix(8);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const bool has_port = rest.find(':', rest.starts_with('[') ? std::min(rest.find(']'), rest.size()) : 0) != std::string_view::npos;
  if (!has_port && default_port == 0) return fail(ErrorCode::usage, bad + ": the port is missing");
  auto parsed = parse_host_port(has_port ? std::string(rest) : std::string(rest) + ":" + std::to_string(default_port));
  const bool has_path = parsed && parsed->host.find('/') != std::string::npos;
  if (!parsed || parsed->port == 0 || has_path) return fail(ErrorCode::usage, bad);
  return parsed;
}

}  // namespace shoal
