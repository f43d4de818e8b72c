// The way out: TCP, TLS, and a certificate that names the machine we meant.
#pragma once

#include "mesh/rules.hpp"
#include "mesh/tls_connection.hpp"

namespace shoal::mesh {

/// Control thread. Has no deadline of its own: the caller closes the connection when it has waited enough.
class Dialer {
 public:
  Dialer(net::io_context& io, const identity::CredentialStore& credentials, const Rules& rules);

  enum class Outcome { up, unreachable, failed, refused, ended };
  struct Dialled {
    Outcome outcome = Outcome::failed;
    std::optional<identity::Certificate> peer = {};  // with `up`
    std::string why = {};                            // with any other but `ended`
  };
  /// A connection for `dial`, without a socket yet.
  TlsConnectionPtr prepare() { return std::make_shared<TlsConnection>(tcp::socket(io_)); }
  /// `ended` when the caller closed the connection meanwhile.
  net::awaitable<Dialled> dial(TlsConnectionPtr connection, LinkKey key, tcp::endpoint address);

 private:
  net::awaitable<Dialled> connect(TlsConnectionPtr connection, tcp::endpoint address);
  net::awaitable<Dialled> shake_hands(TlsConnectionPtr connection);
  Dialled check(const TlsConnection& connection, const LinkKey& key);

  net::io_context& io_;
  identity::ClientTlsSource tls_;
  const Rules& rules_;
};

}  // namespace shoal::mesh
