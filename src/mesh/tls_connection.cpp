#include "mesh/tls_connection.hpp"

#include <sys/socket.h>

#include "mesh/sockets.hpp"

namespace shoal::mesh {

void TlsConnection::close() {
  if (!socket.is_open()) return;
  if (tls) (void)tls->end_writing();
  int fd = socket.native_handle();
  ::shutdown(fd, SHUT_WR);
  drain(fd);
  ErrorStatus ignored;
  socket.close(ignored);
}

UniqueFd TlsConnection::release() {
  ErrorStatus error;
  int fd = socket.release(error);
  return UniqueFd(error ? -1 : fd);
}

net::awaitable<bool> ready(TlsConnectionPtr connection, Io want) {
  // `failed` and `closed` have nothing to wait for.
  if (!connection->open() || (want != Io::want_read && want != Io::want_write)) co_return false;
  ErrorStatus error;
  auto direction = want == Io::want_read ? tcp::socket::wait_read : tcp::socket::wait_write;
  co_await connection->socket.async_wait(direction, net::redirect_error(net::use_awaitable, error));
  co_return !error && connection->open();
}

net::awaitable<Transfer> read_some(TlsConnectionPtr connection, char* into, std::size_t size) {
  for (;;) {
    Transfer got = connection->tls->read(into, size);
    if (got.state != Io::want_read && got.state != Io::want_write) co_return got;
    bool more = co_await ready(connection, got.state);
    if (!more) co_return Transfer{};
  }
}

}  // namespace shoal::mesh
