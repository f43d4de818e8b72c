#include "mesh/dialer.hpp"

#include "base/log.hpp"
#include "mesh/sockets.hpp"

namespace shoal::mesh {

Dialer::Dialer(net::io_context& io, const identity::CredentialStore& credentials, const Rules& rules)
    : io_(io), tls_(credentials, std::string(identity::alpn_mesh)), rules_(rules) {}

net::awaitable<Dialer::Dialled> Dialer::dial(TlsConnectionPtr connection, LinkKey key, tcp::endpoint address) {
  Outcome outcome = co_await connect(connection, address);
  if (outcome == Outcome::up) outcome = co_await shake_hands(connection);
  if (outcome != Outcome::up) {
    if (outcome != Outcome::ended) log::debug("mesh_dial_failed", {{"peer", key.peer.str()}, {"port", address.port()}});
    co_return Dialled{outcome, {}};
  }
  auto peer = rules_.peer_of(connection->tls->native());
  if (!peer.ok()) co_return Dialled{Outcome::refused, {}};
  if (peer->identity.id != key.peer) {
    ++rules_.tally().wrong_peer;
    log::debug("mesh_wrong_peer", {{"wanted", key.peer.str()}, {"found", peer->identity.id.str()}});
    co_return Dialled{Outcome::refused, {}};
  }
  if (!rules_.may_link(*peer, key.info_hash)) co_return Dialled{Outcome::refused, {}};
  co_return Dialled{Outcome::up, std::move(*peer)};
}

net::awaitable<Dialer::Outcome> Dialer::connect(TlsConnectionPtr connection, tcp::endpoint address) {
  UniqueFd fd = open_tcp(address);
  ErrorStatus error;
  if (fd) connection->socket.assign(address.protocol(), fd.get(), error);
  if (!fd || error) co_return Outcome::failed;
  (void)fd.release();
  co_await connection->socket.async_connect(address, net::redirect_error(net::use_awaitable, error));
  if (!connection->open()) co_return Outcome::ended;
  if (!error) co_return Outcome::up;
  ++rules_.tally().handshake_failed;
  co_return Outcome::unreachable;
}

net::awaitable<Dialer::Outcome> Dialer::shake_hands(TlsConnectionPtr connection) {
  auto context = tls_.current();
  if (!context.ok()) log::error("mesh_tls_not_ready", {{"error", context.error().message}});
  if (!context.ok()) co_return Outcome::failed;
  auto stream = TlsStream::connecting(*context, connection->socket.native_handle());
  if (!stream.ok()) co_return Outcome::failed;
  connection->tls = std::move(stream).value();
  for (;;) {
    Io state = connection->tls->handshake();
    if (state == Io::done) co_return Outcome::up;
    bool more = co_await ready(connection, state);
    if (!more) break;
  }
  if (!connection->open()) co_return Outcome::ended;
  ++(connection->tls->certificate_refused() ? rules_.tally().refused_certificate : rules_.tally().handshake_failed);
  co_return Outcome::failed;
}

}  // namespace shoal::mesh
