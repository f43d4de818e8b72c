#include "swarm/peer_messages.hpp"

namespace shoal::swarm {

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

std::string have_message(std::uint32_t piece) { return std::string("\0\0\0\5\4", 5) + big_endian(piece); }

std::string request_message(std::uint32_t piece, std::uint32_t start, std::uint32_t length) {
  return std::string("\0\0\0\x0d\x06", 5) + big_endian(piece) + big_endian(start) + big_endian(length);
}

}  // namespace shoal::swarm
