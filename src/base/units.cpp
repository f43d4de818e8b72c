#include "base/units.hpp"

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
  return fail(ErrorCode::usage, "'" + printable(text) + "' is not a size such as 4GiB or 500MB");
}

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
  static constexpr std::array<std::pair<std::string_view, double>, 5> units{
      {{"ms", 1.0}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}}};
  SHOAL_TRY(auto parts, split_number(text, "a duration such as 30s, 10m or 1h"));
  for (auto [unit, factor] : units) {
    if (unit != parts.second) continue;
    double milliseconds = parts.first * factor;
    if (milliseconds > 3.2e12) return fail(ErrorCode::usage, "'" + printable(text) + "' is longer than a century");
    return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
  }
  return fail(ErrorCode::usage, "'" + printable(text) + "' is not a duration: end it with ms, s, m, h or d");
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

Result<HostPort> parse_https_url(std::string_view text) {
  std::string_view rest = text;
  if (!rest.starts_with("https://")) return fail(ErrorCode::usage, "'" + printable(text) + "' must start with https://");
  rest.remove_prefix(8);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto parsed = parse_host_port(rest);
  if (!parsed || parsed->port == 0)
    return fail(ErrorCode::usage, "'" + printable(text) + "' is not an address such as https://tracker.example:7443");
  return parsed;
}

}  // namespace shoal
