#include "tracker/endpoint.hpp"

#include <arpa/inet.h>

namespace shoal::tracker {
namespace {

constexpr std::string_view mapped_prefix{"\0\0\0\0\0\0\0\0\0\0\xff\xff", 12};  // ::ffff:0:0/96

}  // namespace

std::string Endpoint::ip_text() const {
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, ip.data(), text, sizeof text);
  return text;
}

std::string Endpoint::compact() const { return ip + static_cast<char>(port >> 8) + static_cast<char>(port & 0xff); }

Result<Endpoint> parse_endpoint(std::string_view ip, std::uint16_t port) {
  std::string text(ip.substr(0, ip.find('%')));
  std::string bytes(16, '\0');
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return Endpoint{bytes.substr(0, 4), port};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return fail("'" + text + "' is not an IP address");
  if (bytes.starts_with(mapped_prefix)) return Endpoint{bytes.substr(12), port};
  return Endpoint{bytes, port};
}

}  // namespace shoal::tracker
