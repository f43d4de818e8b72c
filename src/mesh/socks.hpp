// The bytes of SOCKS5 (RFC 1928) with user and password (RFC 1929), as far as the front speaks them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mesh/link_types.hpp"

namespace shoal::mesh::socks {

inline constexpr char version = 5;
inline constexpr char password_version = 1;
inline constexpr char connect_command = 1;
inline constexpr char ipv4_address = 1;

enum class Reply : std::uint8_t {
  succeeded = 0,
  general_failure = 1,
  not_allowed = 2,
  host_unreachable = 4,
  connection_refused = 5,
  command_not_supported = 7,
  address_type_not_supported = 8,
};

/// Whether the client's list of methods has user and password (2).
bool offers_password(std::string_view methods);
/// Our choice: user and password, or none acceptable (0xff).
std::string method_choice(bool password);
std::string password_verdict(bool good);
/// The answer to a request; the bound address in it is 0.0.0.0:0, which nobody reads.
std::string reply(Reply code);
/// Six bytes: IPv4 address and port in network order.
VirtualEndpoint endpoint(std::string_view bytes);

}  // namespace shoal::mesh::socks
