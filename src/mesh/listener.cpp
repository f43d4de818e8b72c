#include "mesh/listener.hpp"

#include <sys/socket.h>

#include "base/log.hpp"
#include "mesh/sockets.hpp"

namespace shoal::mesh {
namespace {

constexpr std::chrono::milliseconds pause_when_exhausted{100};
constexpr std::chrono::seconds one_line_every{60};
/// Accepted per wake-up, so that a flood of connections leaves time for those that are here.
constexpr int accept_batch = 32;

bool is_connection_that_vanished(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == ENETDOWN || error == EHOSTUNREACH || error == ENETUNREACH ||
         error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET || error == EPERM;
}

}  // namespace

Listener::Listener(net::io_context& io, UniqueFd listening, Handlers handlers)
    : io_(io), port_(port_of(listening.get())), listening_(io, listening.release()), handlers_(std::move(handlers)) {}

void Listener::start() { net::co_spawn(io_, run(), net::detached); }

net::awaitable<void> Listener::run() {
  net::steady_timer pause(io_);
  for (;;) {
    ErrorStatus error;
    co_await listening_.async_wait(net::posix::stream_descriptor::wait_read, net::redirect_error(net::use_awaitable, error));
    if (error) co_return;
    if (accept_waiting()) continue;
    pause.expires_after(pause_when_exhausted);
    co_await pause.async_wait(net::redirect_error(net::use_awaitable, error));
  }
}

void Listener::note_exhaustion(int error) {
  auto now = std::chrono::steady_clock::now();
  if (now < quiet_until_) return;
  quiet_until_ = now + one_line_every;
  log::warn("mesh_accept_failed", {{"reason", fail_errno("accept", error).message}});
}

bool Listener::accept_waiting() {
  for (int i = 0; i < accept_batch; ++i) {
    tcp::endpoint from;
    auto size = static_cast<socklen_t>(from.capacity());
    UniqueFd fd(::accept4(listening_.native_handle(), from.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EAGAIN) return true;
      if (is_connection_that_vanished(errno)) continue;
      note_exhaustion(errno);
      handlers_.exhausted();
      return false;
    }
    tcp::socket socket(io_);
    ErrorStatus error;
    socket.assign(from.address().is_v6() ? tcp::v6() : tcp::v4(), fd.get(), error);
    if (error) continue;
    (void)fd.release();
    handlers_.accepted(std::move(socket));
  }
  return true;
}

}  // namespace shoal::mesh
