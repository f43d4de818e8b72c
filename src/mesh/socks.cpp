#include "mesh/socks.hpp"

namespace shoal::mesh::socks {
namespace {

constexpr char password_method = 2;
constexpr char no_method = '\xff';

std::uint32_t byte_at(std::string_view bytes, std::size_t place) { return static_cast<std::uint8_t>(bytes.at(place)); }

}  // namespace

bool offers_password(std::string_view methods) { return methods.find(password_method) != std::string_view::npos; }

std::string method_choice(bool password) { return {version, password ? password_method : no_method}; }

std::string password_verdict(bool good) { return {password_version, good ? '\0' : '\1'}; }

std::string reply(Reply code) { return {version, static_cast<char>(code), 0, ipv4_address, 0, 0, 0, 0, 0, 0}; }

VirtualEndpoint endpoint(std::string_view bytes) {
  std::uint32_t address = byte_at(bytes, 0) << 24 | byte_at(bytes, 1) << 16 | byte_at(bytes, 2) << 8 | byte_at(bytes, 3);
  return {address, static_cast<std::uint16_t>(byte_at(bytes, 4) << 8 | byte_at(bytes, 5))};
}

}  // namespace shoal::mesh::socks
