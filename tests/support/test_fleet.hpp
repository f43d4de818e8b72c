// A fleet for tests: a CA, credentials for anyone, and certificates that are broken on purpose, with TLS contexts and
// handshakes to try them. Link shoal_authority.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "identity/authority.hpp"
#include "identity/openssl.hpp"
#include "identity/tls.hpp"

namespace shoal::test {

/// A value that must be there; throws what the error says (doctest reports it).
template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error("must: " + result.error().message);
  return std::move(result).value();
}
inline void must(const Status& status) {
  if (!status.ok()) throw std::runtime_error("must: " + status.error().message);
}
/// For OpenSSL's calls, which return 1 (or more) when they work.
inline void must(bool worked, const char* what) {
  if (!worked) throw std::runtime_error(std::string("must: ") + what + ": " + identity::tls_error());
}

/// The node id with this number: "aaaaaaaaaaaa" for 0, "aaaaaaaaaaab" for 1.
inline NodeId node_id(unsigned number) {
  std::string text(12, 'a');
  for (std::size_t i = text.size(); number > 0 && i-- > 0; number /= 32) text[i] = "abcdefghijklmnopqrstuvwxyz234567"[number % 32];
  return NodeId::trusted(text);
}

/// What is wrong with a certificate. Everything else about it is right.
enum class Flaw {
  none,
  other_ca,               // the same names, signed by another fleet's CA
  other_fleet_name,       // signed by our CA, names another fleet
  expired,
  not_yet_valid,
  self_signed,
  two_uris,
  no_uri,
  no_names,               // no subject alternative name at all
  unknown_role,
  short_id,
  upper_case_uri,
  trailing_path,
  trailing_slash,
  uri_with_query,
  uri_with_port,
  uri_with_user,
  uri_with_nul,           // "spiffe://fleet/node/aaaaaaaaaaaa\0x"
  uri_of_other_scheme,
  node_with_dns_name,     // host names are for trackers
  dns_name_with_nul,      // a tracker's DNS name with an embedded NUL
  mail_name,
  is_ca,
  no_basic_constraints,
  no_client_usage,
  no_server_usage,
  any_usage,              // anyExtendedKeyUsage instead of the two
  no_extended_usage,
  no_digital_signature,
  no_key_usage,
  rsa_key,
  p384_key,
  signed_with_sha1,
  version_1,
  unknown_critical_extension,
  signed_by_leaf,         // by a good node's key; that node's certificate goes along in the chain
  signed_by_intermediate, // by a CA:TRUE certificate that our CA signed, which goes along
  tampered,               // a bit of the signature is flipped
};

/// Every flaw with its name, for tables.
inline const std::vector<std::pair<Flaw, std::string>>& all_flaws() {
  static const std::vector<std::pair<Flaw, std::string>> flaws = {
      {Flaw::other_ca, "signed by another fleet's CA"},
      {Flaw::other_fleet_name, "names another fleet"},
      {Flaw::expired, "expired"},
      {Flaw::not_yet_valid, "not yet valid"},
      {Flaw::self_signed, "self-signed"},
      {Flaw::two_uris, "two URI names"},
      {Flaw::no_uri, "no URI name"},
      {Flaw::no_names, "no names at all"},
      {Flaw::unknown_role, "unknown role"},
      {Flaw::short_id, "id of a wrong length"},
      {Flaw::upper_case_uri, "URI in upper case"},
      {Flaw::trailing_path, "URI with a longer path"},
      {Flaw::trailing_slash, "URI with a trailing slash"},
      {Flaw::uri_with_query, "URI with a query"},
      {Flaw::uri_with_port, "URI with a port"},
      {Flaw::uri_with_user, "URI with user info"},
      {Flaw::uri_with_nul, "URI with a NUL"},
      {Flaw::uri_of_other_scheme, "URI of another scheme"},
      {Flaw::node_with_dns_name, "a node with a DNS name"},
      {Flaw::dns_name_with_nul, "DNS name with a NUL"},
      {Flaw::mail_name, "a mail address"},
      {Flaw::is_ca, "CA:TRUE"},
      {Flaw::no_basic_constraints, "no basic constraints"},
      {Flaw::no_client_usage, "not for clients"},
      {Flaw::no_server_usage, "not for servers"},
      {Flaw::any_usage, "for any purpose"},
      {Flaw::no_extended_usage, "no extended key usage"},
      {Flaw::no_digital_signature, "no digitalSignature"},
      {Flaw::no_key_usage, "no key usage"},
      {Flaw::rsa_key, "RSA key"},
      {Flaw::p384_key, "P-384 key"},
      {Flaw::signed_with_sha1, "signed with SHA-1"},
      {Flaw::version_1, "version 1"},
      {Flaw::unknown_critical_extension, "unknown critical extension"},
      {Flaw::signed_by_leaf, "signed by a leaf"},
      {Flaw::signed_by_intermediate, "signed by an intermediate CA"},
      {Flaw::tampered, "tampered signature"}};
  return flaws;
}

/// What a hostile machine presents: nothing about it was checked. `chain_pem` goes along after the certificate.
struct Presented {
  std::string key_pem;
  std::string certificate_pem;
  std::string chain_pem;
};

/// A recipe for a certificate, for those who need one that the flaws do not cover.
struct Recipe {
  int key_type = NID_X9_62_prime256v1;  // or NID_secp384r1, NID_rsaEncryption
  long version = X509_VERSION_3;
  WallTime from;
  WallTime until;
  std::string subject = "test";
  std::vector<std::string> uris;
  std::vector<std::string> dns;
  std::vector<std::string> mails;
  std::string basic_constraints = "critical,CA:FALSE";  // empty: left out, as below
  std::string key_usage = "critical,digitalSignature";
  std::string extended_usage = "serverAuth,clientAuth";
  bool unknown_critical = false;
  const EVP_MD* digest = EVP_sha256();
};

class TestFleet {
 public:
  /// Certificates are checked against the system's time in handshakes, so `now` is near it unless a test is about that.
  explicit TestFleet(const std::string& fleet = "test-fleet", WallTime now = SystemClock().now())
      : now_(now), authority_(must(identity::Authority::create(FleetName::trusted(fleet), now))) {}

  const identity::Authority& authority() const { return authority_; }
  FleetName name() const { return authority_.fleet(); }
  WallTime now() const { return now_; }
  identity::Identity identity(identity::Role role, const NodeId& id) const { return {name(), role, id}; }

  identity::Credentials credentials(identity::Role role, const NodeId& id, std::chrono::seconds life = std::chrono::hours(24),
                                    std::vector<std::string> hosts = {}) const {
    auto made = identity::make_request();
    std::string certificate = must(authority_.issue(made.request_pem, {identity(role, id), now_, life, std::move(hosts)}));
    return must(identity::make_credentials(made.key_pem, certificate, authority_.certificate_pem()));
  }
  identity::Credentials node(unsigned number = 1) const { return credentials(identity::Role::node, node_id(number)); }
  identity::Credentials seeder(unsigned number = 2) const { return credentials(identity::Role::seeder, node_id(number)); }
  /// With 127.0.0.1 and localhost as hosts.
  identity::Credentials tracker(unsigned number = 0) const {
    return credentials(identity::Role::tracker, node_id(number), std::chrono::hours(24), {"127.0.0.1", "localhost"});
  }

  /// A certificate with one flaw, as a node would show it (a tracker for dns_name_with_nul).
  Presented broken(Flaw flaw, const NodeId& id = node_id(7)) const;
  /// A certificate by a recipe, signed by the fleet's CA.
  Presented made(const Recipe& recipe) const;
  /// The recipe of a good node.
  Recipe recipe(const NodeId& id = node_id(7)) const {
    Recipe good;
    good.from = now_ - std::chrono::minutes(10);
    good.until = now_ + std::chrono::hours(1);
    good.uris = {identity(identity::Role::node, id).uri()};
    return good;
  }

 private:
  WallTime now_;
  identity::Authority authority_;
};

// ---- TLS of someone who keeps no rules ----

struct HostileTls {
  std::vector<std::string> alpn;  // empty: offers none
  int min_version = TLS1_3_VERSION;
  int max_version = TLS1_3_VERSION;
};

/// A client that accepts any server and shows what it is given; without `shown` it has no certificate.
identity::TlsContext hostile_client(const Presented* shown, const HostileTls& options = {});
/// A server that asks for a certificate, accepts any, and takes the first protocol offered.
identity::TlsContext hostile_server(const Presented& shown, const HostileTls& options = {});
/// Good credentials in the hands of such a client.
inline Presented as_presented(const identity::Credentials& credentials) { return {credentials.key_pem, credentials.certificate_pem, {}}; }

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
TlsPair handshake(const identity::TlsContext& client, const identity::TlsContext& server);

// ---- implementation ----

namespace detail {

inline identity::KeyHandle make_key(int type) {
  identity::KeyHandle key(type == NID_rsaEncryption ? EVP_RSA_gen(2048) : EVP_EC_gen(OBJ_nid2sn(type)));
  must(key != nullptr, "key");
  return key;
}

inline void add_extension(X509* certificate, int nid, const std::string& value) {
  if (value.empty()) return;
  identity::ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

inline void push_name(GENERAL_NAMES* names, int type, const std::string& value) {
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  must(ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) == 1, "name");
  GENERAL_NAME* entry = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(entry, type, text);
  must(sk_GENERAL_NAME_push(names, entry) > 0, "name");
}

inline void add_names(X509* certificate, const Recipe& recipe) {
  identity::NamesHandle names(GENERAL_NAMES_new());
  for (const auto& uri : recipe.uris) push_name(names.get(), GEN_URI, uri);
  for (const auto& dns : recipe.dns) push_name(names.get(), GEN_DNS, dns);
  for (const auto& mail : recipe.mails) push_name(names.get(), GEN_EMAIL, mail);
  if (sk_GENERAL_NAME_num(names.get()) == 0) return;
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1, "names");
}

inline void add_unknown_critical(X509* certificate) {
  std::unique_ptr<ASN1_OBJECT, identity::Free<ASN1_OBJECT_free>> object(OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1));
  std::unique_ptr<ASN1_OCTET_STRING, identity::Free<ASN1_OCTET_STRING_free>> data(ASN1_OCTET_STRING_new());
  must(ASN1_STRING_set(data.get(), "\x05\x00", 2) == 1, "extension");
  identity::ExtensionHandle extension(X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 1, data.get()));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

/// Signed by `issuer_key`; a null issuer means by itself.
inline identity::X509Handle build(const Recipe& recipe, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  identity::X509Handle certificate(X509_new());
  X509* raw = certificate.get();
  X509_set_version(raw, recipe.version);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(raw), 0x1234567890abcdefULL);
  ASN1_TIME_set(X509_getm_notBefore(raw), recipe.from.time_since_epoch().count());
  ASN1_TIME_set(X509_getm_notAfter(raw), recipe.until.time_since_epoch().count());
  const auto* subject = reinterpret_cast<const unsigned char*>(recipe.subject.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_ASC, subject, -1, -1, 0);
  X509_set_issuer_name(raw, X509_get_subject_name(issuer != nullptr ? issuer : raw));
  must(X509_set_pubkey(raw, key) == 1, "public key");
  if (recipe.version == X509_VERSION_3) {
    add_extension(raw, NID_basic_constraints, recipe.basic_constraints);
    add_extension(raw, NID_key_usage, recipe.key_usage);
    add_extension(raw, NID_ext_key_usage, recipe.extended_usage);
    add_names(raw, recipe);
    if (recipe.unknown_critical) add_unknown_critical(raw);
  }
  must(X509_sign(raw, issuer_key != nullptr ? issuer_key : key, recipe.digest) != 0, "signature");
  return certificate;
}

/// The certificate with the last bit of its signature flipped.
inline identity::X509Handle flip_signature(const X509* certificate) {
  unsigned char* der = nullptr;
  int size = i2d_X509(certificate, &der);
  must(size > 0, "DER");
  der[size - 1] ^= 1;
  const unsigned char* in = der;
  identity::X509Handle flipped(d2i_X509(nullptr, &in, size));
  OPENSSL_free(der);
  must(flipped != nullptr, "flipped certificate");
  return flipped;
}

/// The recipe for a flaw that a recipe can express.
inline void spoil(Recipe& recipe, Flaw flaw, const std::string& fleet, const std::string& id) {
  using std::chrono::hours;
  const std::string good = recipe.uris.at(0);
  const std::string base = "spiffe://" + fleet;
  const WallTime now = recipe.from + std::chrono::minutes(10);
  switch (flaw) {
    case Flaw::other_fleet_name: recipe.uris = {"spiffe://other-fleet/node/" + id}; break;
    case Flaw::expired: recipe.from = now - hours(2), recipe.until = now - hours(1); break;
    case Flaw::not_yet_valid: recipe.from = now + hours(1), recipe.until = now + hours(2); break;
    case Flaw::two_uris: recipe.uris.push_back(base + "/admin/" + id); break;
    case Flaw::no_uri: recipe.uris.clear(), recipe.dns = {"localhost"}; break;
    case Flaw::no_names: recipe.uris.clear(); break;
    case Flaw::unknown_role: recipe.uris = {base + "/wizard/" + id}; break;
    case Flaw::short_id: recipe.uris = {base + "/node/" + id.substr(1)}; break;
    case Flaw::upper_case_uri: recipe.uris = {"SPIFFE://" + fleet + "/node/" + id}; break;
    case Flaw::trailing_path: recipe.uris = {good + "/more"}; break;
    case Flaw::trailing_slash: recipe.uris = {good + "/"}; break;
    case Flaw::uri_with_query: recipe.uris = {good + "?role=admin"}; break;
    case Flaw::uri_with_port: recipe.uris = {base + ":443/node/" + id}; break;
    case Flaw::uri_with_user: recipe.uris = {"spiffe://root@" + fleet + "/node/" + id}; break;
    case Flaw::uri_with_nul: recipe.uris = {good + std::string("\0x", 2)}; break;
    case Flaw::uri_of_other_scheme: recipe.uris = {"https://" + fleet + "/node/" + id}; break;
    case Flaw::node_with_dns_name: recipe.dns = {"tracker.example"}; break;
    case Flaw::dns_name_with_nul:
      recipe.uris = {base + "/tracker/" + id};
      recipe.dns = {std::string("localhost\0.evil.example", 23)};
      break;
    case Flaw::mail_name: recipe.mails = {"root@example.org"}; break;
    case Flaw::is_ca: recipe.basic_constraints = "critical,CA:TRUE"; break;
    case Flaw::no_basic_constraints: recipe.basic_constraints.clear(); break;
    case Flaw::no_client_usage: recipe.extended_usage = "serverAuth"; break;
    case Flaw::no_server_usage: recipe.extended_usage = "clientAuth"; break;
    case Flaw::any_usage: recipe.extended_usage = "anyExtendedKeyUsage"; break;
    case Flaw::no_extended_usage: recipe.extended_usage.clear(); break;
    case Flaw::no_digital_signature: recipe.key_usage = "critical,keyAgreement"; break;
    case Flaw::no_key_usage: recipe.key_usage.clear(); break;
    case Flaw::rsa_key: recipe.key_type = NID_rsaEncryption; break;
    case Flaw::p384_key: recipe.key_type = NID_secp384r1; break;
    case Flaw::signed_with_sha1: recipe.digest = EVP_sha1(); break;
    case Flaw::version_1: recipe.version = X509_VERSION_1; break;
    case Flaw::unknown_critical_extension: recipe.unknown_critical = true; break;
    default: break;  // made in another way, below
  }
}

inline Presented presented(EVP_PKEY* key, X509* certificate, std::string chain_pem = {}) {
  return {identity::to_pem(key), identity::to_pem(certificate), std::move(chain_pem)};
}

/// Signed by the holder of `via` instead of the CA.
inline Presented signed_by(const Presented& via, const Recipe& recipe) {
  auto issuer = must(identity::certificate_from_pem(via.certificate_pem));
  auto issuer_key = must(identity::key_from_pem(via.key_pem));
  auto key = make_key(recipe.key_type);
  return presented(key.get(), build(recipe, key.get(), issuer.get(), issuer_key.get()).get(), via.certificate_pem);
}

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

inline Presented TestFleet::made(const Recipe& recipe) const {
  auto ca = must(identity::certificate_from_pem(authority_.certificate_pem()));
  auto ca_key = must(identity::key_from_pem(authority_.key_pem()));
  auto key = detail::make_key(recipe.key_type);
  return detail::presented(key.get(), detail::build(recipe, key.get(), ca.get(), ca_key.get()).get());
}

inline Presented TestFleet::broken(Flaw flaw, const NodeId& id) const {
  Recipe spoilt = recipe(id);
  detail::spoil(spoilt, flaw, name().str(), id.str());
  if (flaw == Flaw::other_ca) return TestFleet(name().str(), now_).made(spoilt);
  if (flaw == Flaw::signed_by_leaf) return detail::signed_by(as_presented(node(8)), spoilt);
  if (flaw == Flaw::signed_by_intermediate) {
    Recipe intermediate = recipe(node_id(9));
    intermediate.subject = "intermediate";
    intermediate.basic_constraints = "critical,CA:TRUE";
    intermediate.key_usage = "critical,digitalSignature,keyCertSign";
    return detail::signed_by(made(intermediate), spoilt);
  }
  if (flaw == Flaw::self_signed) {
    auto key = detail::make_key(spoilt.key_type);
    return detail::presented(key.get(), detail::build(spoilt, key.get(), nullptr, nullptr).get());
  }
  Presented result = made(spoilt);
  if (flaw != Flaw::tampered) return result;
  auto good = must(identity::certificate_from_pem(result.certificate_pem));
  result.certificate_pem = identity::to_pem(detail::flip_signature(good.get()).get());
  return result;
}

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

inline TlsPair handshake(const identity::TlsContext& client, const identity::TlsContext& server) {
  TlsPair pair;
  pair.client.reset(SSL_new(client.native()));
  pair.server.reset(SSL_new(server.native()));
  BIO *client_side = nullptr, *server_side = nullptr;
  must(pair.client && pair.server && BIO_new_bio_pair(&client_side, 1 << 17, &server_side, 1 << 17) == 1, "connection");
  SSL_set_bio(pair.client.get(), client_side, client_side);
  SSL_set_bio(pair.server.get(), server_side, server_side);
  SSL_set_connect_state(pair.client.get());
  SSL_set_accept_state(pair.server.get());
  for (int round = 0; round < 10; ++round) {
    detail::step(pair.client.get(), pair.client_done, pair.client_error);
    detail::step(pair.server.get(), pair.server_done, pair.server_error);
  }
  if (pair.client_done) pair.client_error = detail::error_of_read(pair.client.get());
  return pair;
}

}  // namespace shoal::test
