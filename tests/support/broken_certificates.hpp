// Certificates that are broken on purpose, each in one way. TestFleet::broken makes them.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "identity/openssl.hpp"
#include "support/must.hpp"

namespace shoal::test {

/// What is wrong with a certificate. Everything else about it is right.
enum class Flaw {
  none,
  other_ca,          // the same names, signed by another fleet's CA
  other_fleet_name,  // signed by our CA, names another fleet
  expired,
  not_yet_valid,
  self_signed,
  two_uris,
  no_uri,
  no_names,  // no subject alternative name at all
  unknown_role,
  short_id,
  upper_case_uri,
  trailing_path,
  trailing_slash,
  uri_with_query,
  uri_with_port,
  uri_with_user,
  uri_with_nul,  // "spiffe://fleet/node/aaaaaaaaaaaa\0x"
  uri_of_other_scheme,
  node_with_dns_name,  // host names are for trackers
  dns_name_with_nul,   // a tracker's DNS name with an embedded NUL
  mail_name,
  is_ca,
  no_basic_constraints,
  no_client_usage,
  no_server_usage,
  any_usage,  // anyExtendedKeyUsage instead of the two
  no_extended_usage,
  no_digital_signature,
  no_key_usage,
  rsa_key,
  p384_key,
  signed_with_sha1,
  version_1,
  unknown_critical_extension,
  signed_by_leaf,          // by a good node's key; that node's certificate goes along in the chain
  signed_by_intermediate,  // by a CA:TRUE certificate that our CA signed, which goes along
  tampered,                // a bit of the signature is flipped
};

/// Every flaw with its name, for tables.
inline const std::vector<std::pair<Flaw, std::string>>& all_flaws() {
  static const std::vector<std::pair<Flaw, std::string>> flaws = {{Flaw::other_ca, "signed by another fleet's CA"},
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

}  // namespace detail
}  // namespace shoal::test
