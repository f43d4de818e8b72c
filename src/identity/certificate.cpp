#include "identity/certificate.hpp"

#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <stdexcept>

#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "identity/openssl.hpp"
#include "identity/tls.hpp"

namespace shoal::identity {
namespace {

constexpr std::array<std::string_view, 5> role_names = {"tracker", "seeder", "node", "publisher", "admin"};
constexpr std::string_view scheme = "spiffe://";

Error refused(std::string why) { return fail(ErrorCode::not_enrolled, "certificate refused: " + std::move(why)); }

std::string quoted(std::string_view text) { return "'" + printable(text) + "'"; }

std::string_view text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

/// The extension `nid`, decoded; null where it is missing, there twice, or malformed.
template <class T, auto free_function>
std::unique_ptr<T, Free<free_function>> extension(const X509* certificate, int nid) {
  int critical = 0;
  return std::unique_ptr<T, Free<free_function>>(static_cast<T*>(X509_get_ext_d2i(certificate, nid, &critical, nullptr)));
}

bool is_plain_host(std::string_view name) {
  for (char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '*';
    if (!plain) return false;
  }
  return !name.empty();
}

/// What the subject alternative names say.
struct Names {
  Identity identity;
  bool has_hosts = false;
};

Result<Names> read_names(const GENERAL_NAMES* list) {
  Names names;
  int uris = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(list, i);
    if (entry->type == GEN_URI) {
      if (++uris > 1) return refused("it has more than one URI name");
      SHOAL_TRY(names.identity, parse_identity(text_of(entry->d.uniformResourceIdentifier)));
    } else if (entry->type == GEN_DNS) {
      std::string_view host = text_of(entry->d.dNSName);
      if (!is_plain_host(host)) return refused("its DNS name " + quoted(host) + " is malformed");
      names.has_hosts = true;
    } else if (entry->type == GEN_IPADD) {
      names.has_hosts = true;
    } else {
      return refused("it has a name that is neither URI, DNS nor IP");
    }
  }
  if (uris == 0) return refused("it has no URI name");
  return names;
}

Result<Identity> identity_of(const X509* certificate) {
  auto list = extension<GENERAL_NAMES, GENERAL_NAMES_free>(certificate, NID_subject_alt_name);
  if (!list) return refused("it has no readable subject alternative name");
  SHOAL_TRY(Names names, read_names(list.get()));
  if (names.has_hosts && names.identity.role != Role::tracker) return refused("only a tracker may have host names");
  return names.identity;
}

Status check_constraints(const X509* certificate) {
  auto constraints = extension<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>(certificate, NID_basic_constraints);
  if (!constraints) return refused("it has no basic constraints");
  if (constraints->ca != 0) return refused("it is a CA");
  return {};
}

Status check_extended_usage(const X509* certificate) {
  auto usages = extension<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>(certificate, NID_ext_key_usage);
  bool server = false, client = false;
  for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages.get(), i));
    if (nid == NID_server_auth) server = true;
    else if (nid == NID_client_auth) client = true;
    else return refused("it has an extended key usage of another purpose");
  }
  if (!server || !client) return refused("it must be usable by servers and by clients");
  return {};
}

Status check_key_usage(const X509* certificate) {
  constexpr int bit_digital_signature = 0, bit_sign_certificates = 5, bit_sign_lists = 6;  // RFC 5280, 4.2.1.3
  auto usage = extension<ASN1_BIT_STRING, ASN1_BIT_STRING_free>(certificate, NID_key_usage);
  if (!usage || ASN1_BIT_STRING_get_bit(usage.get(), bit_digital_signature) == 0) return refused("its key may not sign handshakes");
  if (ASN1_BIT_STRING_get_bit(usage.get(), bit_sign_certificates) != 0 || ASN1_BIT_STRING_get_bit(usage.get(), bit_sign_lists) != 0)
    return refused("its key may sign certificates");
  return {};
}

Status check_key(const X509* certificate) {
  if (X509_get_version(certificate) != X509_VERSION_3) return refused("it is not of version 3");
  if (!is_p256(X509_get0_pubkey(certificate))) return refused("its key is not an EC key on P-256");
  if (X509_get_signature_nid(certificate) != NID_ecdsa_with_SHA256) return refused("it is not signed with ECDSA and SHA-256");
  return {};
}

Result<WallTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return refused("its validity is malformed");
  return WallTime{std::chrono::seconds(::timegm(&parts))};
}

Result<std::string> serial_of(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  std::unique_ptr<BIGNUM, Free<BN_free>> number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (!number || BN_is_negative(number.get()) || BN_is_zero(number.get()) || BN_num_bytes(number.get()) > 20)
    return refused("its serial number is malformed");
  std::string raw(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(raw.data()));
  return to_hex(raw);
}

/// The DER of `object`, written by one of OpenSSL's i2d functions.
template <class T>
std::string der_of(const T* object, int (*write)(const T*, unsigned char**)) {
  std::string der(static_cast<std::size_t>(std::max(0, write(object, nullptr))), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  if (der.empty() || write(object, &out) <= 0) throw std::runtime_error("cannot encode DER: " + tls_error());
  return der;
}

}  // namespace

std::string_view name(Role role) { return role_names.at(static_cast<std::size_t>(role)); }

Result<Role> parse_role(std::string_view text) {
  for (std::size_t i = 0; i < role_names.size(); ++i)
    if (role_names[i] == text) return static_cast<Role>(i);
  return fail(ErrorCode::usage, quoted(text) + " is not a role: use tracker, seeder, node, publisher or admin");
}

std::string Identity::uri() const { return std::string(scheme) + fleet.str() + "/" + std::string(name(role)) + "/" + id.str(); }

// The parts' own grammars leave no room for user info, ports, queries, fragments, escapes, NULs and trailing slashes.
Result<Identity> parse_identity(std::string_view uri) {
  if (!uri.starts_with(scheme)) return refused(quoted(uri) + " is not a SPIFFE id");
  std::string_view rest = uri.substr(scheme.size());
  auto first = rest.find('/');
  auto second = first == std::string_view::npos ? first : rest.find('/', first + 1);
  if (second == std::string_view::npos) return refused(quoted(uri) + " is not spiffe://fleet/role/id");
  auto fleet = FleetName::parse(rest.substr(0, first));
  auto role = parse_role(rest.substr(first + 1, second - first - 1));
  auto id = NodeId::parse(rest.substr(second + 1));
  if (!fleet.ok()) return refused(fleet.error().message);
  if (!role.ok()) return refused(role.error().message);
  if (!id.ok()) return refused(id.error().message);
  return Identity{*fleet, *role, *id};
}

Result<Certificate> inspect(const X509* certificate) {
  if (certificate == nullptr) return refused("there is none");
  SHOAL_CHECK(check_key(certificate));
  SHOAL_CHECK(check_constraints(certificate));
  SHOAL_CHECK(check_key_usage(certificate));
  SHOAL_CHECK(check_extended_usage(certificate));
  SHOAL_TRY(Identity identity, identity_of(certificate));
  SHOAL_TRY(WallTime not_before, time_of(X509_get0_notBefore(certificate)));
  SHOAL_TRY(WallTime not_after, time_of(X509_get0_notAfter(certificate)));
  SHOAL_TRY(std::string serial, serial_of(certificate));
  SHOAL_TRY(SpkiPin key, spki_pin(certificate));
  return Certificate{
      std::move(identity), not_before, not_after, std::move(serial), crypto::sha256(der_of<X509>(certificate, i2d_X509)), key};
}

Result<Certificate> inspect_pem(std::string_view pem) {
  SHOAL_TRY(X509Handle certificate, certificate_from_pem(pem));
  return inspect(certificate.get());
}

Result<Certificate> inspect(const X509* certificate, const FleetName& fleet, WallTime now) {
  SHOAL_TRY(Certificate checked, inspect(certificate));
  if (checked.identity.fleet != fleet) return refused(checked.identity.uri() + " is of another fleet than " + fleet.str());
  if (now < checked.not_before) return refused(checked.identity.uri() + " is not valid before " + format_time(checked.not_before));
  if (now > checked.not_after) return refused(checked.identity.uri() + " expired at " + format_time(checked.not_after));
  return checked;
}

Result<SpkiPin> spki_pin(const X509* certificate) {
  const X509_PUBKEY* key = certificate == nullptr ? nullptr : X509_get_X509_PUBKEY(certificate);
  if (key == nullptr) return refused("it has no key");
  return SpkiPin::from_raw(crypto::sha256(der_of<X509_PUBKEY>(key, i2d_X509_PUBKEY)).view());
}

Result<SpkiPin> spki_pin_of_pem(std::string_view pem) {
  SHOAL_TRY(X509Handle certificate, certificate_from_pem(pem));
  return spki_pin(certificate.get());
}

KeyAndRequest make_request() {
  KeyHandle key = generate_p256();
  RequestHandle request(X509_REQ_new());
  if (!request || X509_REQ_set_pubkey(request.get(), key.get()) != 1 || X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0)
    throw std::runtime_error("cannot make a certificate request: " + tls_error());
  return {to_pem(key.get()), to_pem(request.get())};
}

}  // namespace shoal::identity
