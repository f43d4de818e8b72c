#include "cli/advertise_option.hpp"

#include <arpa/inet.h>

#include <array>

#include "base/encoding.hpp"

namespace shoal::cli {
namespace {

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 || ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

}  // namespace

const Option advertise_option{.name = "--advertise",
                              .value = "ADDR[:PORT]",
                              .help = "where other machines reach this one, if the tracker sees it at another address (NAT, load balancer)",
                              .config_key = "advertise",
                              .rare = true};

Result<std::optional<HostPort>> advertised(const Invocation& call) {
  const std::string text = call.get("--advertise");
  if (text.empty()) return std::optional<HostPort>();
  if (is_address(text)) return std::optional(HostPort{text, 0});
  auto found = parse_host_port(text);
  if (found.ok() && is_address(found->host)) return std::optional(*found);
  return fail(ErrorCode::usage,
              "--advertise: '" + printable(text) + "' is no IP address such as 10.0.0.5, 10.0.0.5:7000 or [fd00::5]:7000");
}

}  // namespace shoal::cli
