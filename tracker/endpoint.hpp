// Where a peer can be reached, in the forms that announce answers need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace shoal::tracker {

struct Endpoint {
  std::string ip;  // 4 or 16 bytes in network order; IPv4-mapped IPv6 is kept as IPv4
  std::uint16_t port = 0;

  bool is_v4() const { return ip.size() == 4; }
  /// "10.0.0.1", "2001:db8::1"
  std::string ip_text() const;
  /// Address and port as in compact lists: 6 bytes (BEP 23) or 18 (BEP 7).
  std::string compact() const;
  bool operator==(const Endpoint&) const = default;
};

/// From the text of an IP address; an IPv6 zone ("%eth0") is left out, since it means nothing to others.
Result<Endpoint> parse_endpoint(std::string_view ip, std::uint16_t port);

}  // namespace shoal::tracker
