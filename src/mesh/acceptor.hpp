// The network's door: TLS, certificate, the first 48 bytes, the policy; all within one deadline.
#pragma once

#include "mesh/deadline.hpp"
#include "mesh/listener.hpp"
#include "mesh/opening.hpp"
#include "mesh/rules.hpp"
#include "mesh/served.hpp"
#include "mesh/tls_connection.hpp"
#include "mesh/unfinished.hpp"

namespace shoal::mesh {

/// A connection that may become a link.
struct Arrival {
  LinkKey key;
  identity::Certificate peer;
  TlsConnectionPtr connection;
  std::string opening;  // the 48 bytes, for the engine
};

/// Control thread.
class Acceptor {
 public:
  struct Limits {
    std::chrono::milliseconds handshake;
    std::size_t unfinished;
  };
  using Arrived = std::function<void(Arrival)>;
  Acceptor(net::io_context& io, UniqueFd listening, Limits limits, const identity::CredentialStore& credentials, const Rules& rules,
           const Served& served, Arrived arrived);
  void start() { listener_.start(); }
  std::uint16_t port() const { return listener_.port(); }

 private:
  struct Guest;
  using GuestPtr = std::shared_ptr<Guest>;

  void accept(tcp::socket socket);
  /// The connection has no time or no place any more.
  void turn_out(Guest& guest, std::atomic<std::uint64_t>& counter, std::string_view why);
  /// Counts it and says so at debug.
  static void refuse(const Guest& guest, std::atomic<std::uint64_t>& counter, std::string_view why);
  net::awaitable<void> greet(GuestPtr guest);
  net::awaitable<std::optional<Arrival>> receive(GuestPtr guest);
  net::awaitable<bool> shake_hands(GuestPtr guest);
  net::awaitable<bool> read_opening(GuestPtr guest);
  void count_failed_handshake(const Guest& guest);

  net::io_context& io_;
  const Limits limits_;
  identity::ServerTlsSource tls_;
  const Rules& rules_;
  const Served& served_;
  const Arrived arrived_;
  Unfinished unfinished_;
  Listener listener_;
};

}  // namespace shoal::mesh
