#include "identity/authority.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "crypto/digest.hpp"
#include "identity/openssl.hpp"

namespace shoal::identity {

struct Authority::State {
  std::string key_pem;
  std::string certificate_pem;
  KeyHandle key;
  X509Handle certificate;
  FleetName fleet;
  SpkiPin pin;
};

namespace {

constexpr std::string_view scheme = "spiffe://";
constexpr std::chrono::seconds ca_life = std::chrono::hours(24 * 3650);
constexpr std::chrono::seconds most_backdating = std::chrono::minutes(10);
constexpr std::size_t serial_bytes = 16;
constexpr std::size_t request_limit = 8 * 1024;

/// How far notBefore is back, for clocks that run late. Short lives get less, or two thirds of them would be over at once.
std::chrono::seconds backdating(std::chrono::seconds life) { return std::min(most_backdating, life / 2); }

// ---- parts of a certificate; each call fails for want of memory alone, so they share one error ----

bool set_serial(X509* certificate) {
  std::string raw = crypto::random_bytes(serial_bytes);
  std::unique_ptr<BIGNUM, Free<BN_free>> number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(raw.data()), static_cast<int>(raw.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_validity(X509* certificate, WallTime from, WallTime until) {
  auto seconds = [](WallTime time) { return static_cast<time_t>(time.time_since_epoch().count()); };
  return ASN1_TIME_adj(X509_getm_notBefore(certificate), seconds(from), 0, 0) != nullptr &&
         ASN1_TIME_adj(X509_getm_notAfter(certificate), seconds(until), 0, 0) != nullptr;
}

/// A subject for humans, of at most 64 characters (ub-common-name); nothing is decided on it.
bool set_subject(X509* certificate, const std::string& common_name) {
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0) == 1;
}

/// `value` in the syntax of x509v3_config(5); constants alone.
bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// Appends a name whose value is an ASN.1 string: a URI or DNS name (IA5String) or an IP address (OCTET STRING).
bool add_name(GENERAL_NAMES* names, int type, int string_type, std::string_view value) {
  std::unique_ptr<ASN1_STRING, Free<ASN1_STRING_free>> text(ASN1_STRING_type_new(string_type));
  std::unique_ptr<GENERAL_NAME, Free<GENERAL_NAME_free>> entry(GENERAL_NAME_new());
  if (!text || !entry || ASN1_STRING_set(text.get(), value.data(), static_cast<int>(value.size())) != 1) return false;
  GENERAL_NAME_set0_value(entry.get(), type, text.release());
  if (sk_GENERAL_NAME_push(names, entry.get()) == 0) return false;
  (void)entry.release();
  return true;
}

/// The 4 or 16 bytes of an address; empty where the text is none.
std::string address_bytes(const std::string& host) {
  std::array<char, 16> raw{};
  if (::inet_pton(AF_INET, host.c_str(), raw.data()) == 1) return std::string(raw.data(), 4);
  if (::inet_pton(AF_INET6, host.c_str(), raw.data()) == 1) return std::string(raw.data(), 16);
  return {};
}

bool add_host(GENERAL_NAMES* names, const std::string& host) {
  std::string address = address_bytes(host);
  return address.empty() ? add_name(names, GEN_DNS, V_ASN1_IA5STRING, host) : add_name(names, GEN_IPADD, V_ASN1_OCTET_STRING, address);
}

bool add_names(X509* certificate, const std::string& uri, const std::vector<std::string>& hosts) {
  NamesHandle names(GENERAL_NAMES_new());
  if (!names || !add_name(names.get(), GEN_URI, V_ASN1_IA5STRING, uri)) return false;
  for (const auto& host : hosts)
    if (!add_host(names.get(), host)) return false;
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

bool sign(X509* certificate, EVP_PKEY* key) { return X509_sign(certificate, key, EVP_sha256()) != 0; }

// ---- the CA ----

/// The CA's own SPIFFE id has no path (X509-SVID, 4.1); it is where the fleet's name is kept.
X509Handle make_ca(EVP_PKEY* key, const FleetName& fleet, WallTime now) {
  X509Handle certificate(X509_new());
  X509* raw = certificate.get();
  bool made = raw != nullptr && X509_set_version(raw, X509_VERSION_3) == 1 && set_serial(raw) &&
              set_validity(raw, now - most_backdating, now + ca_life) && set_subject(raw, fleet.str()) &&
              X509_set_issuer_name(raw, X509_get_subject_name(raw)) == 1 && X509_set_pubkey(raw, key) == 1 &&
              add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
              add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              add_extension(raw, raw, NID_subject_key_identifier, "hash") && add_names(raw, std::string(scheme) + fleet.str(), {}) &&
              sign(raw, key);
  return made ? std::move(certificate) : nullptr;
}

Result<FleetName> fleet_of(const X509* ca) {
  NamesHandle names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(ca, NID_subject_alt_name, nullptr, nullptr)));
  if (!names || sk_GENERAL_NAME_num(names.get()) != 1) return fail("it does not name a fleet");
  const GENERAL_NAME* entry = sk_GENERAL_NAME_value(names.get(), 0);
  if (entry->type != GEN_URI) return fail("it does not name a fleet");
  const ASN1_STRING* text = entry->d.uniformResourceIdentifier;
  std::string_view uri(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text)));
  if (!uri.starts_with(scheme)) return fail("it does not name a fleet");
  return FleetName::parse(uri.substr(scheme.size()));
}

Status check_pair(X509* certificate, EVP_PKEY* key) {
  if (!is_p256(key)) return fail("the CA key is not an EC key on P-256");
  if (X509_check_private_key(certificate, key) != 1) return openssl_failure("the CA key does not belong to the CA certificate");
  if (X509_check_ca(certificate) != 1) return fail("the CA certificate is not one of a CA");
  return {};
}

// ---- leafs ----

bool is_dns_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

Status check_hosts(const Authority::Grant& grant) {
  if (!grant.hosts.empty() && grant.identity.role != Role::tracker)
    return fail(ErrorCode::usage, "a " + std::string(name(grant.identity.role)) + " cannot have host names in its certificate");
  for (const auto& host : grant.hosts)
    if (address_bytes(host).empty() && !is_dns_name(host)) return fail(ErrorCode::usage, "'" + host + "' is no host name or IP address");
  return {};
}

Status check_grant(const Authority::Grant& grant, const FleetName& fleet, const X509* ca) {
  if (grant.identity.fleet != fleet) return fail("this is the CA of " + fleet.str() + ", not of " + grant.identity.fleet.str());
  SHOAL_CHECK(parse_identity(grant.identity.uri()));
  if (grant.life <= std::chrono::seconds(0)) return fail(ErrorCode::usage, "the life of a certificate must be longer than nothing");
  auto end = static_cast<time_t>((grant.now + grant.life).time_since_epoch().count());
  if (X509_cmp_time(X509_get0_notAfter(ca), &end) < 0) return fail("the fleet's CA expires before the certificate would");
  return check_hosts(grant);
}

/// The key that asks; it has proven that it is held by whoever asks.
Result<EVP_PKEY*> key_of(X509_REQ* request) {
  EVP_PKEY* key = X509_REQ_get0_pubkey(request);
  if (!is_p256(key)) return fail(ErrorCode::usage, "the certificate request has a key that is not an EC key on P-256");
  if (X509_REQ_verify(request, key) != 1) {
    (void)openssl_failure("");  // empties OpenSSL's queue
    return fail(ErrorCode::usage, "the certificate request is not signed by its own key");
  }
  return key;
}

X509Handle make_leaf(EVP_PKEY* subject_key, const Authority::Grant& grant, X509* ca, EVP_PKEY* ca_key) {
  X509Handle certificate(X509_new());
  X509* raw = certificate.get();
  bool made = raw != nullptr && X509_set_version(raw, X509_VERSION_3) == 1 && set_serial(raw) &&
              set_validity(raw, grant.now - backdating(grant.life), grant.now + grant.life) && set_subject(raw, grant.identity.id.str()) &&
              X509_set_issuer_name(raw, X509_get_subject_name(ca)) == 1 && X509_set_pubkey(raw, subject_key) == 1 &&
              add_extension(raw, ca, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(raw, ca, NID_key_usage, "critical,digitalSignature") &&
              add_extension(raw, ca, NID_ext_key_usage, "serverAuth,clientAuth") &&
              add_extension(raw, ca, NID_subject_key_identifier, "hash") &&
              add_extension(raw, ca, NID_authority_key_identifier, "keyid:always") && add_names(raw, grant.identity.uri(), grant.hosts) &&
              sign(raw, ca_key);
  return made ? std::move(certificate) : nullptr;
}

}  // namespace

Result<Authority> Authority::create(const FleetName& fleet, WallTime now) {
  KeyHandle key = generate_p256();
  X509Handle certificate = make_ca(key.get(), fleet, now);
  if (!certificate) return openssl_failure("cannot make the CA of " + fleet.str());
  return load(to_pem(key.get()), to_pem(certificate.get()));
}

Result<Authority> Authority::load(std::string key_pem, std::string certificate_pem) {
  SHOAL_TRY(KeyHandle key, key_from_pem(key_pem).within("CA key"));
  SHOAL_TRY(X509Handle certificate, certificate_from_pem(certificate_pem).within("CA certificate"));
  SHOAL_CHECK(check_pair(certificate.get(), key.get()));
  SHOAL_TRY(FleetName fleet, fleet_of(certificate.get()).within("CA certificate"));
  SHOAL_TRY(SpkiPin pin, spki_pin(certificate.get()));
  return Authority(std::make_shared<const State>(
      State{std::move(key_pem), std::move(certificate_pem), std::move(key), std::move(certificate), std::move(fleet), pin}));
}

const std::string& Authority::key_pem() const { return state_->key_pem; }
const std::string& Authority::certificate_pem() const { return state_->certificate_pem; }
SpkiPin Authority::pin() const { return state_->pin; }
FleetName Authority::fleet() const { return state_->fleet; }

Result<std::string> Authority::issue(std::string_view request_pem, const Grant& grant) const {
  if (request_pem.size() > request_limit) return fail(ErrorCode::usage, "the certificate request is larger than 8 KiB");
  SHOAL_CHECK(check_grant(grant, state_->fleet, state_->certificate.get()));
  auto request = request_from_pem(request_pem);
  if (!request.ok()) return fail(ErrorCode::usage, request.error().message);
  SHOAL_TRY(EVP_PKEY * key, key_of(request->get()));
  X509Handle leaf = make_leaf(key, grant, state_->certificate.get(), state_->key.get());
  if (!leaf) return openssl_failure("cannot issue a certificate for " + grant.identity.uri());
  return to_pem(leaf.get());
}

}  // namespace shoal::identity
