#include "mesh/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>

namespace shoal::mesh {
namespace {

// Options are hints here: a kernel that refuses one costs speed, not correctness.
template <class Value>
void set_option(int fd, int level, int option, const Value& value) {
  (void)::setsockopt(fd, level, option, &value, sizeof value);
}

bool is_every_address(const tcp::endpoint& endpoint) { return endpoint.address().is_v6() && endpoint.address().is_unspecified(); }

}  // namespace

void block_sigpipe() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void tune_wire(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // requests are small and must not wait for acknowledgements
  set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, wire_unsent);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, wire_silence_ms);
}

void tune_engine(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_SNDBUF, engine_buffer);
}

void wake_from(int fd, std::size_t bytes) { set_option(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(bytes)); }

void discard_on_close(int fd) { set_option(fd, SOL_SOCKET, SO_LINGER, linger{1, 0}); }

Result<tcp::endpoint> parse_endpoint(const HostPort& address) {
  ErrorStatus error;
  auto ip = net::ip::make_address(address.host, error);
  if (error) return fail(ErrorCode::usage, "'" + address.str() + "' does not start with an IP address");
  return tcp::endpoint(ip, address.port);
}

Result<UniqueFd> listen_on(const HostPort& address, int receive_buffer) {
  SHOAL_TRY(tcp::endpoint endpoint, parse_endpoint(address));
  UniqueFd fd = open_tcp(endpoint);
  if (!fd && errno == EAFNOSUPPORT && is_every_address(endpoint)) {  // a kernel without IPv6
    endpoint = tcp::endpoint(tcp::v4(), address.port);
    fd = open_tcp(endpoint);
  }
  if (!fd) return fail_errno("cannot open a socket for " + address.str(), errno);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (endpoint.address().is_v6()) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);  // whatever net.ipv6.bindv6only says
  if (receive_buffer > 0) set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, receive_buffer);
  if (::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 && ::listen(fd.get(), SOMAXCONN) == 0) return fd;
  if (errno != EADDRINUSE) return fail_errno("cannot listen on " + address.str(), errno);
  return fail(ErrorCode::conflict, "cannot listen on " + address.str() + ": the port is in use; choose another one with --listen");
}

std::uint16_t port_of(int fd) {
  tcp::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(fd, endpoint.data(), &size) != 0) return 0;
  endpoint.resize(size);
  return endpoint.port();
}

UniqueFd open_tcp(const tcp::endpoint& target) {
  return UniqueFd(::socket(target.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
}

bool hung_up(int fd) {
  pollfd state{fd, POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0;
}

void drain(int fd) {
  std::array<char, 4096> bytes;
  for (int rounds = 0; rounds < 16 && ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0; ++rounds) {}
}

}  // namespace shoal::mesh
