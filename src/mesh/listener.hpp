// Accepts connections, and survives running out of descriptors.
#pragma once

#include <functional>

#include "base/asio.hpp"
#include "base/files.hpp"

namespace shoal::mesh {

/// Control thread.
class Listener {
 public:
  struct Handlers {
    std::function<void(tcp::socket)> accepted;
    /// The process or the system has no descriptor left: give one back, if there is one to spare.
    std::function<void()> exhausted;
  };
  Listener(net::io_context& io, UniqueFd listening, Handlers handlers);
  void start();
  std::uint16_t port() const { return port_; }

 private:
  net::awaitable<void> run();
  /// Takes what waits; false where the listener must pause.
  bool accept_waiting();
  void note_exhaustion(int error);

  net::io_context& io_;
  const std::uint16_t port_;
  net::posix::stream_descriptor listening_;
  Handlers handlers_;
  std::chrono::steady_clock::time_point quiet_until_{};
};

}  // namespace shoal::mesh
