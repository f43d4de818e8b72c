#include "mesh/dialer.hpp"

#include "base/log.hpp"
#include "mesh/sockets.hpp"

namespace shoal::mesh {

Dialer::Dialer(net::io_context& io, const identity::CredentialStore& credentials, const Rules& rules)
    : io_(io), tls_(credentials, std::string(identity::alpn_mesh)), rules_(rules) {}

net::awaitable<Dialer::Dialled> Dialer::dial(TlsConnectionPtr connection, LinkKey key, tcp::endpoint address) {
  Dialled dialled = co_await connect(connection, address);
  if (dialled.outcome == Outcome::up) dialled = co_await shake_hands(connection);
  if (dialled.outcome == Outcome::up) dialled = check(*connection, key);
  co_return dialled;
}

net::awaitable<Dialer::Dialled> Dialer::connect(TlsConnectionPtr connection, tcp::endpoint address) {
  UniqueFd fd = open_tcp(address);
  ErrorStatus error;
  if (fd) connection->socket.assign(address.protocol(), fd.get(), error);
  if (!fd || error) co_return Dialled{Outcome::failed, {}, "no socket could be opened"};
  (void)fd.release();
  co_await connection->socket.async_connect(address, net::redirect_error(net::use_awaitable, error));
  if (!connection->open()) co_return Dialled{Outcome::ended};
  if (!error) co_return Dialled{Outcome::up};
  ++rules_.tally().handshake_failed;
  co_return Dialled{Outcome::unreachable, {}, "its address cannot be reached: " + error.message()};
}

net::awaitable<Dialer::Dialled> Dialer::shake_hands(TlsConnectionPtr connection) {
  auto context = tls_.current();
  if (!context.ok()) log::error("mesh_tls_not_ready", {{"reason", context.error().message}});
  if (!context.ok()) co_return Dialled{Outcome::failed, {}, "TLS is not ready: " + context.error().message};
  auto stream = TlsStream::connecting(*context, connection->socket.native_handle());
  if (!stream.ok()) co_return Dialled{Outcome::failed, {}, stream.error().message};
  connection->tls = std::move(stream).value();
  for (;;) {
    Io state = connection->tls->handshake();
    if (state == Io::done) co_return Dialled{Outcome::up};
    bool more = co_await ready(connection, state);
    if (!more) break;
  }
  if (!connection->open()) co_return Dialled{Outcome::ended};
  const bool certificate = connection->tls->certificate_refused();
  ++(certificate ? rules_.tally().refused_certificate : rules_.tally().handshake_failed);
  co_return Dialled{Outcome::failed, {}, certificate ? "its certificate is not of this fleet" : "the TLS handshake failed"};
}

/// Whether the machine that answered is the one that was meant, and may link.
Dialer::Dialled Dialer::check(const TlsConnection& connection, const LinkKey& key) {
  auto peer = rules_.peer_of(connection.tls->native());
  if (!peer.ok()) return {Outcome::refused, {}, peer.error().message};
  if (peer->identity.id != key.peer) {
    ++rules_.tally().wrong_peer;
    return {Outcome::refused, {}, "machine " + peer->identity.id.str() + " answers at its address"};
  }
  if (!rules_.may_link(*peer, key.info_hash)) return {Outcome::refused, {}, "it may not link"};
  return {Outcome::up, std::move(*peer)};
}

}  // namespace shoal::mesh
