// Sizes, durations and addresses as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace shoal {

using ByteCount = std::uint64_t;
inline constexpr ByteCount KiB = 1024;
inline constexpr ByteCount MiB = 1024 * KiB;
inline constexpr ByteCount GiB = 1024 * MiB;

/// "4GiB", "512 MB", "100": B, kB/MB/GB/TB (powers of 1000), KiB/MiB/GiB/TiB (powers of 1024).
Result<ByteCount> parse_bytes(std::string_view text);
/// Bytes per second: a size, with or without "/s".
Result<ByteCount> parse_rate(std::string_view text);
/// Three significant digits in decimal units: "1.24 GB".
std::string format_bytes(ByteCount bytes);

/// "250ms", "30s", "10m", "1h", "7d", "2w", "1y" (365 days), or the unit in words: "2hours", "10 minutes".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "1h02m", "3m20s", "4.2s".
std::string format_duration(std::chrono::milliseconds duration);

/// A host (name, IPv4 or IPv6 without brackets) and a TCP port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  /// "host:port", with brackets around IPv6.
  std::string str() const;
  auto operator<=>(const HostPort&) const = default;
};
/// "127.0.0.1:7000", "[::1]:7000", "tracker.example:7000".
Result<HostPort> parse_host_port(std::string_view text);
/// "https://host:port", without a path; without a port, `default_port` (0: the port is required).
Result<HostPort> parse_https_url(std::string_view text, std::uint16_t default_port = 0);

}  // namespace shoal
