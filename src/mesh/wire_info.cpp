#include "mesh/wire_info.hpp"

// Not <netinet/tcp.h>: glibc's tcp_info ends before the field that is wanted, and the two headers do not go together.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace shoal::mesh {

std::optional<std::chrono::microseconds> shortest_round_trip(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  if (size < offsetof(tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt || info.tcpi_min_rtt == ~0U || info.tcpi_min_rtt == 0)
    return std::nullopt;
  return std::chrono::microseconds(info.tcpi_min_rtt);
}

}  // namespace shoal::mesh
