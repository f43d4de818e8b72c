#include "identity/tls.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <optional>

#include "base/encoding.hpp"
#include "identity/openssl.hpp"
#include "identity/system_authorities.hpp"

namespace shoal::identity {
namespace {

constexpr const char* cipher_suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* key_exchanges = "X25519:P-256";
constexpr const char* signatures = "ECDSA+SHA256";
// A chain of this profile (leaf and CA) has under 2 KiB; OpenSSL's own limit is 100 KiB.
constexpr long chain_limit = 16 * 1024;

/// What the callbacks of one SSL_CTX need; freed with it.
struct Rules {
  std::optional<FleetName> fleet;  // none: any (before joining)
  std::optional<SpkiPin> ca_pin;
  ServerTls server;
};

void free_rules(void*, void* rules, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Rules*>(rules); }

int rules_index() {
  // Index 0 is SSL_CTX_set_app_data's, which Asio reads as its own.
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_rules);
  return index;
}

const Rules& rules_of(const SSL* ssl) { return *static_cast<const Rules*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), rules_index())); }

const Rules& rules_of(X509_STORE_CTX* verification) {
  return rules_of(static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx())));
}

// ---- certificates ----

/// Runs for each certificate of a chain, the leaf last: what OpenSSL found, and our own profile and fleet on the leaf.
int check_profile(int found_good, X509_STORE_CTX* verification) {
  if (found_good != 1 || X509_STORE_CTX_get_error_depth(verification) != 0) return found_good;
  const Rules& rules = rules_of(verification);
  auto checked = inspect(X509_STORE_CTX_get_current_cert(verification));
  if (checked.ok() && (!rules.fleet || checked->identity.fleet == *rules.fleet)) return 1;
  X509_STORE_CTX_set_error(verification, X509_V_ERR_CERT_REJECTED);  // the alert is bad_certificate
  return 0;
}

/// The certificate of a presented chain that has the pinned key, or null.
X509* find_pinned(STACK_OF(X509) * chain, const SpkiPin& pin) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    auto found = spki_pin(sk_X509_value(chain, i));
    if (found.ok() && *found == pin) return sk_X509_value(chain, i);
  }
  return nullptr;
}

/// Whether `ca` signed `leaf` itself, for a server; the error is OpenSSL's number.
int verify_to(X509* leaf, X509* ca) {
  StoreHandle store(X509_STORE_new());
  StoreContextHandle check(X509_STORE_CTX_new());
  if (!store || !check || X509_STORE_add_cert(store.get(), ca) != 1 || X509_STORE_CTX_init(check.get(), store.get(), leaf, nullptr) != 1)
    return X509_V_ERR_UNSPECIFIED;
  X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(check.get()), 0);
  if (X509_verify_cert(check.get()) == 1) return X509_V_OK;
  int error = X509_STORE_CTX_get_error(check.get());
  return error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
}

/// Replaces OpenSSL's verification for `join`: the anchor is the presented CA whose key is pinned.
int verify_pinned(X509_STORE_CTX* verification, void*) {
  const Rules& rules = rules_of(verification);
  X509* leaf = X509_STORE_CTX_get0_cert(verification);
  X509* ca = find_pinned(X509_STORE_CTX_get0_untrusted(verification), *rules.ca_pin);
  int error = ca == nullptr ? X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN : verify_to(leaf, ca);
  if (error == X509_V_OK) {
    auto checked = inspect(leaf);
    if (!checked.ok() || checked->identity.role != Role::tracker) error = X509_V_ERR_CERT_REJECTED;
  }
  X509_STORE_CTX_set_error(verification, error);
  return error == X509_V_OK ? 1 : 0;
}

// ---- ALPN (RFC 7301) ----

/// The protocol as it stands in the client's list, or empty.
std::string_view find_protocol(std::string_view offered, std::string_view wanted) {
  while (!offered.empty()) {
    std::size_t size = static_cast<unsigned char>(offered[0]);
    std::string_view protocol = offered.substr(1, size);
    if (protocol == wanted) return protocol;
    offered.remove_prefix(std::min(offered.size(), size + 1));
  }
  return {};
}

int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size, void*) {
  const ServerTls& options = rules_of(ssl).server;
  std::string_view offered(reinterpret_cast<const char*>(in), in_size);
  std::string_view chosen;
  if (options.allow_enrolment) chosen = find_protocol(offered, alpn_enrol);
  // In TLS 1.3 the request for a certificate is written after this callback ran.
  if (!chosen.empty()) SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
  for (const auto& ours : options.alpn)
    if (chosen.empty()) chosen = find_protocol(offered, ours);
  if (chosen.empty()) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = reinterpret_cast<const unsigned char*>(chosen.data());
  *out_size = static_cast<unsigned char>(chosen.size());
  return SSL_TLSEXT_ERR_OK;
}

/// The callback above does not run for a client without ALPN; this one does.
int demand_alpn(SSL* ssl, int* alert, void*) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &size) == 1)
    return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

Status offer_protocol(SSL_CTX* context, std::string_view alpn) {
  if (alpn.empty()) return {};
  std::string wire = static_cast<char>(alpn.size()) + std::string(alpn);
  // Unlike its neighbours, this function returns 0 for success.
  if (SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(wire.data()), static_cast<unsigned>(wire.size())) != 0)
    return openssl_failure("cannot offer the protocol " + std::string(alpn));
  return {};
}

// ---- contexts ----

/// Resumption of any kind would let a link outlive the certificate that opened it.
void forbid_resumption(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_early_data(context, 0);
  SSL_CTX_set_recv_max_early_data(context, 0);
}

Result<SslContextHandle> base_context(const SSL_METHOD* method, Rules rules) {
  SslContextHandle context(SSL_CTX_new(method));
  if (!context) return openssl_failure("cannot make a TLS context");
  SSL_CTX* raw = context.get();
  forbid_resumption(raw);
  SSL_CTX_set_mode(raw,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_max_cert_list(raw, chain_limit);
  SSL_CTX_set_verify_depth(raw, 0);  // no certificate between leaf and CA
  bool set = SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) == 1 && SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1 &&
             SSL_CTX_set_ciphersuites(raw, cipher_suites) == 1 && SSL_CTX_set1_groups_list(raw, key_exchanges) == 1 &&
             SSL_CTX_set1_sigalgs_list(raw, signatures) == 1;
  auto owned = std::make_unique<Rules>(std::move(rules));
  if (!set || SSL_CTX_set_ex_data(raw, rules_index(), owned.get()) != 1) return openssl_failure("cannot set up a TLS context");
  (void)owned.release();  // free_rules has it now
  return context;
}

/// Shows our certificate, and trusts the fleet's CA and nothing else.
Status use_credentials(SSL_CTX* context, const Credentials& credentials) {
  SHOAL_TRY(KeyHandle key, key_from_pem(credentials.key_pem));
  SHOAL_TRY(X509Handle certificate, certificate_from_pem(credentials.certificate_pem));
  SHOAL_TRY(X509Handle ca, certificate_from_pem(credentials.ca_pem));
  if (SSL_CTX_use_certificate(context, certificate.get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return openssl_failure("cannot use the certificate of " + credentials.self.identity.uri());
  if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()) != 1) return openssl_failure("cannot use the fleet's CA");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, check_profile);
  return {};
}

/// The CA goes along, so that a joiner can find the pinned key.
Status show_ca(SSL_CTX* context, const Credentials& credentials) {
  SHOAL_TRY(X509Handle ca, certificate_from_pem(credentials.ca_pem));
  if (SSL_CTX_add1_chain_cert(context, ca.get()) != 1) return openssl_failure("cannot show the fleet's CA");
  return {};
}

}  // namespace

TlsContext TlsContext::adopt(SSL_CTX* context) {
  return TlsContext(std::shared_ptr<SSL_CTX>(context, [](SSL_CTX* last) { SSL_CTX_free(last); }));
}

Result<TlsContext> server_context(const Credentials& credentials, const ServerTls& options) {
  SHOAL_TRY(SslContextHandle context, base_context(TLS_server_method(), {credentials.self.identity.fleet, {}, options}));
  SHOAL_CHECK(use_credentials(context.get(), credentials));
  SHOAL_CHECK(show_ca(context.get(), credentials));
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (options.require_alpn) SSL_CTX_set_client_hello_cb(context.get(), demand_alpn, nullptr);
  return TlsContext::adopt(context.release());
}

Result<TlsContext> client_context(const Credentials& credentials, std::string_view alpn) {
  SHOAL_TRY(SslContextHandle context, base_context(TLS_client_method(), {credentials.self.identity.fleet, {}, {}}));
  SHOAL_CHECK(use_credentials(context.get(), credentials));
  SHOAL_CHECK(offer_protocol(context.get(), alpn));
  return TlsContext::adopt(context.release());
}

Result<TlsContext> pinned_client_context(const SpkiPin& ca_pin, std::string_view alpn) {
  SHOAL_TRY(SslContextHandle context, base_context(TLS_client_method(), {{}, ca_pin, {}}));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), verify_pinned, nullptr);
  SHOAL_CHECK(offer_protocol(context.get(), alpn));
  return TlsContext::adopt(context.release());
}

Result<TlsContext> web_client_context(const std::string& ca_file) {
  SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  if (!context) return openssl_failure("cannot make a TLS context");
  SSL_CTX* raw = context.get();
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1) return openssl_failure("cannot set up a TLS context");
  if (ca_file.empty() && !use_system_authorities(raw)) return openssl_failure("cannot use the system's certificate authorities");
  if (!ca_file.empty() && SSL_CTX_load_verify_file(raw, ca_file.c_str()) != 1)
    return openssl_failure(ca_file + " is not a PEM file of certificates");
  SHOAL_CHECK(offer_protocol(raw, alpn_http));
  return TlsContext::adopt(context.release());
}

Status expect_host(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return {};
  tls_error();  // it was no address: that is in the queue now
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // SSL_set_tlsext_host_name, whose macro casts in C's way.
  const long named = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
  if (named != 1 || X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size()) != 1)
    return openssl_failure("cannot ask for " + printable(host, 200));
  return {};
}

Result<Certificate> peer_certificate(const SSL* ssl, const FleetName& fleet, WallTime now) {
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return fail(ErrorCode::not_enrolled, "the peer showed no certificate");
  long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK)
    return fail(ErrorCode::not_enrolled, std::string("certificate refused: ") + X509_verify_cert_error_string(verified));
  return inspect(certificate, fleet, now);
}

std::string_view agreed_alpn(const SSL* ssl) {
  const unsigned char* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

std::string tls_error() {
  std::string line;
  const char* data = nullptr;
  int flags = 0;
  while (unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    const char* reason = ERR_reason_error_string(code);
    if (!line.empty()) line += "; ";
    line += reason != nullptr ? reason : "error " + std::to_string(code);
    if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') line += std::string(" (") + data + ")";
  }
  return line.empty() ? "no further detail" : line;
}

namespace {

/// The context of `built`, made anew by `make` when the store has moved on. The generation is read first: credentials that
/// arrive in between are then seen as new once more, never missed.
template <class Built, class Make>
Result<TlsContext> up_to_date(Built& built, const CredentialStore& store, Make make) {
  std::uint64_t generation = store.generation();
  if (built.context && built.generation == generation) return *built.context;
  SHOAL_TRY(TlsContext fresh, make(*store.current()));
  built = {generation, std::make_shared<TlsContext>(fresh)};
  return fresh;
}

}  // namespace

Result<TlsContext> ServerTlsSource::current() {
  auto built = built_.lock();
  return up_to_date(*built, store_, [&](const Credentials& credentials) { return server_context(credentials, options_); });
}

Result<TlsContext> ClientTlsSource::current() {
  auto built = built_.lock();
  return up_to_date(*built, store_, [&](const Credentials& credentials) { return client_context(credentials, alpn_); });
}

}  // namespace shoal::identity
