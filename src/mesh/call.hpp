// The two things that the switchboard brings together, while they wait.
#pragma once

#include "mesh/acceptor.hpp"
#include "mesh/deadline.hpp"
#include "mesh/socks.hpp"

namespace shoal::mesh {

/// A connection of the engine that wants to become a link. Control thread; shared by the coroutines that work on it, which look at
/// `settled` after every wait.
struct Call {
  /// What the engine may say before the other side has said anything: a BitTorrent handshake and a little more. It is kept, because
  /// it must be said again when another connection takes the dialled one's place.
  static constexpr std::size_t said_limit = 4096;

  Call(net::io_context& io, LinkKey k, VirtualEndpoint v, tcp::socket e, TlsConnectionPtr l)
      : key(std::move(k)), endpoint(v), engine(std::move(e)), line(std::move(l)), deadline(io) {}

  const LinkKey key;
  const VirtualEndpoint endpoint;  // that the engine dialled
  tcp::socket engine;
  TlsConnectionPtr line;                      // the dialled connection
  std::optional<identity::Certificate> peer;  // once the line is up
  std::string said;                           // by the engine
  std::size_t sent = 0;                       // of that, on the line
  Deadline deadline;
  bool replied = false;
  bool settled = false;  // joined or ended: nothing here may be touched any more

  void reply(socks::Reply code);
  void close();
};

/// An arrival that waits for a call.
struct WaitingArrival {
  WaitingArrival(net::io_context& io, Arrival a) : arrival(std::move(a)), deadline(io) {}
  Arrival arrival;
  Deadline deadline;
  unsigned told = 0;   // how often the engine was told
  bool waits = false;  // it was put aside, and the log has said so
};

}  // namespace shoal::mesh
