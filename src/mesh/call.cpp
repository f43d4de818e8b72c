#include "mesh/call.hpp"

#include <sys/socket.h>

#include "mesh/sockets.hpp"

namespace shoal::mesh {

void Call::reply(socks::Reply code) {
  if (std::exchange(replied, true)) return;
  std::string bytes = socks::reply(code);
  (void)!::send(engine.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Call::close() {
  if (line) line->close();
  if (!engine.is_open()) return;
  ::shutdown(engine.native_handle(), SHUT_WR);
  drain(engine.native_handle());  // so that the reply is not overtaken by a reset
  ErrorStatus ignored;
  engine.close(ignored);
}

}  // namespace shoal::mesh
