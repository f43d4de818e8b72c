// TLS of someone who keeps no rules, and handshakes in memory.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "identity/tls.hpp"
#include "support/broken_certificates.hpp"

namespace shoal::test {

struct HostileTls {
  std::vector<std::string> alpn;  // empty: offers none
  int min_version = TLS1_3_VERSION;
  int max_version = TLS1_3_VERSION;
};

/// A client that accepts any server and shows what it is given; without `shown` it has no certificate.
identity::TlsContext hostile_client(const Presented* shown, const HostileTls& options = {});
/// A server that asks for a certificate, accepts any, and takes the first protocol offered.
identity::TlsContext hostile_server(const Presented& shown, const HostileTls& options = {});

/// Both ends of a TLS connection in memory.
struct TlsPair {
  std::unique_ptr<SSL, identity::Free<SSL_free>> client;
  std::unique_ptr<SSL, identity::Free<SSL_free>> server;
  bool client_done = false;  // SSL_connect succeeded; in TLS 1.3 the server may still refuse
  bool server_done = false;  // SSL_accept succeeded
  std::string client_error;  // of the handshake, or of the read after it: an alert of the server shows here
  std::string server_error;
};
/// Handshakes until both are done or stuck, then lets the client read once, which is when it learns of a refusal.
/// `prepare` may change the client's end before it starts.
TlsPair handshake(const identity::TlsContext& client, const identity::TlsContext& server, const std::function<void(SSL*)>& prepare = {});

namespace detail {

inline void show(SSL_CTX* context, const Presented& shown) {
  auto key = must(identity::key_from_pem(shown.key_pem));
  auto certificate = must(identity::certificate_from_pem(shown.certificate_pem));
  must(SSL_CTX_use_certificate(context, certificate.get()) == 1 && SSL_CTX_use_PrivateKey(context, key.get()) == 1, "credentials");
  if (shown.chain_pem.empty()) return;
  auto next = must(identity::certificate_from_pem(shown.chain_pem));
  must(SSL_CTX_add1_chain_cert(context, next.get()) == 1, "chain");
}

inline SSL_CTX* hostile(const SSL_METHOD* method, const HostileTls& options) {
  SSL_CTX* context = SSL_CTX_new(method);
  must(context != nullptr, "context");
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, options.min_version);
  SSL_CTX_set_max_proto_version(context, options.max_version);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  return context;
}

inline int take_first_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned, void*) {
  *out_size = in[0];
  *out = in + 1;
  return SSL_TLSEXT_ERR_OK;
}

inline void step(SSL* ssl, bool& done, std::string& error) {
  if (done || !error.empty()) return;
  ERR_clear_error();
  int result = SSL_do_handshake(ssl);
  done = result == 1;
  if (!done && SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) error = identity::tls_error();
}

inline std::string error_of_read(SSL* ssl) {
  char byte;
  ERR_clear_error();
  int got = SSL_read(ssl, &byte, 1);
  return got <= 0 && SSL_get_error(ssl, got) != SSL_ERROR_WANT_READ ? identity::tls_error() : std::string();
}

}  // namespace detail

inline identity::TlsContext hostile_client(const Presented* shown, const HostileTls& options) {
  auto context = identity::TlsContext::adopt(detail::hostile(TLS_client_method(), options));
  if (shown != nullptr) detail::show(context.native(), *shown);
  std::string wire;
  for (const auto& protocol : options.alpn) wire += static_cast<char>(protocol.size()) + protocol;
  const auto* bytes = reinterpret_cast<const unsigned char*>(wire.data());
  must(wire.empty() || SSL_CTX_set_alpn_protos(context.native(), bytes, static_cast<unsigned>(wire.size())) == 0, "protocols");
  return context;
}

inline identity::TlsContext hostile_server(const Presented& shown, const HostileTls& options) {
  auto context = identity::TlsContext::adopt(detail::hostile(TLS_server_method(), options));
  detail::show(context.native(), shown);
  SSL_CTX_set_alpn_select_cb(context.native(), detail::take_first_protocol, nullptr);
  return context;
}

inline TlsPair handshake(const identity::TlsContext& client, const identity::TlsContext& server, const std::function<void(SSL*)>& prepare) {
  TlsPair pair;
  pair.client.reset(SSL_new(client.native()));
  pair.server.reset(SSL_new(server.native()));
  BIO *client_side = nullptr, *server_side = nullptr;
  must(pair.client && pair.server && BIO_new_bio_pair(&client_side, 1 << 17, &server_side, 1 << 17) == 1, "connection");
  SSL_set_bio(pair.client.get(), client_side, client_side);
  SSL_set_bio(pair.server.get(), server_side, server_side);
  SSL_set_connect_state(pair.client.get());
  SSL_set_accept_state(pair.server.get());
  if (prepare) prepare(pair.client.get());
  for (int round = 0; round < 10; ++round) {
    detail::step(pair.client.get(), pair.client_done, pair.client_error);
    detail::step(pair.server.get(), pair.server_done, pair.server_error);
  }
  if (pair.client_done) pair.client_error = detail::error_of_read(pair.client.get());
  return pair;
}

}  // namespace shoal::test
