#include "identity/credentials.hpp"

#include "identity/openssl.hpp"
#include "identity/tls.hpp"

namespace shoal::identity {
namespace {

/// A CA that signed the certificate itself: the fleet knows no intermediates.
Status check_signed_by(X509* certificate, X509* ca) {
  if (X509_check_ca(ca) != 1) return fail("the CA certificate is not one of a CA");
  if (X509_check_issued(ca, certificate) == X509_V_OK && X509_verify(certificate, X509_get0_pubkey(ca)) == 1) return {};
  (void)tls_error();
  return fail(ErrorCode::not_enrolled, "the certificate is not signed by the fleet's CA");
}

}  // namespace

Result<Credentials> make_credentials(std::string key_pem, std::string certificate_pem, std::string ca_pem) {
  SHOAL_TRY(KeyHandle key, key_from_pem(key_pem));
  SHOAL_TRY(X509Handle certificate, certificate_from_pem(certificate_pem));
  SHOAL_TRY(X509Handle ca, certificate_from_pem(ca_pem));
  SHOAL_TRY(Certificate self, inspect(certificate.get()));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    (void)tls_error();
    return fail("the key does not belong to the certificate of " + self.identity.uri());
  }
  SHOAL_CHECK(check_signed_by(certificate.get(), ca.get()));
  return Credentials{std::move(key_pem), std::move(certificate_pem), std::move(ca_pem), std::move(self)};
}

CredentialStore::CredentialStore(Credentials first) : current_(std::make_shared<const Credentials>(std::move(first))) {}

std::shared_ptr<const Credentials> CredentialStore::current() const {
  return current_.with([](const std::shared_ptr<const Credentials>& current) { return current; });
}

void CredentialStore::replace(Credentials next) {
  auto fresh = std::make_shared<const Credentials>(std::move(next));
  current_.with([&](std::shared_ptr<const Credentials>& current) {
    current.swap(fresh);
    generation_.fetch_add(1);
  });
}

}  // namespace shoal::identity
