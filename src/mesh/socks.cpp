#include "mesh/socks.hpp"

#include "base/bytes.hpp"

namespace shoal::mesh::socks {
namespace {

constexpr char password_method = 2;
constexpr char no_method = '\xff';

}  // namespace

bool offers_password(std::string_view methods) { return methods.find(password_method) != std::string_view::npos; }

std::string method_choice(bool password) { return {version, password ? password_method : no_method}; }

std::string password_verdict(bool good) { return {password_version, good ? '\0' : '\1'}; }

std::string reply(Reply code) { return {version, static_cast<char>(code), 0, ipv4_address, 0, 0, 0, 0, 0, 0}; }

VirtualEndpoint endpoint(std::string_view bytes) {
  return {from_big_endian<std::uint32_t>(bytes), from_big_endian<std::uint16_t>(bytes.substr(4))};
}

}  // namespace shoal::mesh::socks
