// The engine's door: a SOCKS5 proxy on 127.0.0.1 that leads to virtual endpoints and nowhere else.
#pragma once

#include <optional>

#include "mesh/deadline.hpp"
#include "mesh/listener.hpp"
#include "mesh/socks.hpp"
#include "mesh/tally.hpp"
#include "mesh/unfinished.hpp"

namespace shoal::mesh {

/// Control thread.
class SocksEntrance {
 public:
  struct Secret {
    std::string user;
    std::string password;
  };
  /// The engine wants to reach this endpoint, and waits for the reply on this socket.
  using Wanted = std::function<void(VirtualEndpoint endpoint, tcp::socket engine)>;
  SocksEntrance(net::io_context& io, UniqueFd listening, std::chrono::milliseconds patience, Secret secret, Tally& tally, Wanted wanted);
  void start() { listener_.start(); }
  std::uint16_t port() const { return listener_.port(); }

 private:
  struct Client;
  using ClientPtr = std::shared_ptr<Client>;

  void accept(tcp::socket socket);
  net::awaitable<void> serve(ClientPtr client);
  net::awaitable<std::optional<VirtualEndpoint>> negotiate(ClientPtr client);
  net::awaitable<bool> authenticate(ClientPtr client);
  net::awaitable<std::optional<VirtualEndpoint>> read_request(ClientPtr client);
  bool is_secret(std::string_view user, std::string_view password) const;

  net::io_context& io_;
  const std::chrono::milliseconds patience_;
  const Secret secret_;
  Tally& tally_;
  const Wanted wanted_;
  Unfinished unfinished_;
  Listener listener_;
};

}  // namespace shoal::mesh
