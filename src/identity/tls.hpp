// TLS contexts: TLS 1.3 only, no tickets, no session cache, no renegotiation, no early data, both certificates checked.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "identity/credentials.hpp"

namespace shoal::identity {

/// ALPN protocol ids (RFC 7301).
inline constexpr std::string_view alpn_mesh = "shoal-bt/1";
inline constexpr std::string_view alpn_http = "http/1.1";
/// Offered by `join` alone: the one way to a handshake without a client certificate, and it reaches /v1/enrol only.
inline constexpr std::string_view alpn_enrol = "shoal-enrol/1";

/// Shares one SSL_CTX; copies are cheap; thread-safe.
class TlsContext {
 public:
  /// Takes ownership.
  static TlsContext adopt(SSL_CTX* context);
  SSL_CTX* native() const { return context_.get(); }

 private:
  explicit TlsContext(std::shared_ptr<SSL_CTX> context) : context_(std::move(context)) {}
  std::shared_ptr<SSL_CTX> context_;
};

struct ServerTls {
  std::vector<std::string> alpn;  // in order of preference; a client that offers ALPN without a match is refused
  bool require_alpn = false;      // refuse clients that offer none (the mesh)
  bool allow_enrolment = false;   // with alpn_enrol chosen, do not ask for a client certificate
};

/// In every context the peer's certificate must be signed by the fleet's CA itself, be of this fleet and pass `inspect`; the
/// system's time decides whether it is valid. Contexts keep index 0 of their ex_data free (Asio's).
Result<TlsContext> server_context(const Credentials& credentials, const ServerTls& options);
Result<TlsContext> client_context(const Credentials& credentials, std::string_view alpn);
/// For `join`: no client certificate; the server's chain must hold a CA whose SPKI matches the pin, and must verify to it.
/// The handshake fails before any application byte where it does not, or where the server is no tracker.
Result<TlsContext> pinned_client_context(const SpkiPin& ca_pin, std::string_view alpn);

/// For servers outside of the fleet (HTTPS mirrors): TLS 1.2 or newer, the certificate verified to `ca_file` (PEM), or where that is empty
/// to what this system trusts. Shows no certificate of ours. Each connection must name its host with `expect_host`.
Result<TlsContext> web_client_context(const std::string& ca_file);
/// Before the handshake: the certificate must be for this name or address, and a name is sent along (SNI).
Status expect_host(SSL* ssl, const std::string& host);

/// The peer's certificate after a handshake, checked for profile, fleet and time.
Result<Certificate> peer_certificate(const SSL* ssl, const FleetName& fleet, WallTime now);
/// The ALPN protocol that was agreed on; empty for none.
std::string_view agreed_alpn(const SSL* ssl);
/// OpenSSL's queued errors of this thread as one line; empties the queue.
std::string tls_error();

/// Contexts that follow a CredentialStore: rebuilt when its generation moves. Thread-safe.
class ServerTlsSource {
 public:
  ServerTlsSource(const CredentialStore& store, ServerTls options) : store_(store), options_(std::move(options)) {}
  Result<TlsContext> current();
  const CredentialStore& credentials() const { return store_; }

 private:
  const CredentialStore& store_;
  ServerTls options_;
  struct Built {
    std::uint64_t generation = 0;
    std::shared_ptr<TlsContext> context;
  };
  Guarded<Built> built_;
};

class ClientTlsSource {
 public:
  ClientTlsSource(const CredentialStore& store, std::string alpn) : store_(store), alpn_(std::move(alpn)) {}
  Result<TlsContext> current();
  const CredentialStore& credentials() const { return store_; }

 private:
  const CredentialStore& store_;
  std::string alpn_;
  struct Built {
    std::uint64_t generation = 0;
    std::shared_ptr<TlsContext> context;
  };
  Guarded<Built> built_;
};

}  // namespace shoal::identity
