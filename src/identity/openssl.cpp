#include "identity/openssl.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <stdexcept>

#include "base/units.hpp"
#include "identity/tls.hpp"

namespace shoal::identity {
namespace {

// A certificate or a key of this profile has about 1 KiB.
constexpr ByteCount pem_limit = 64 * KiB;

int no_passphrase(char*, int, int, void*) { return -1; }

BioHandle reader(std::string_view text) { return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

/// Runs a PEM_write_bio_* function and returns what it wrote; failing means no memory.
template <class Write>
std::string written(Write write) {
  BioHandle bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) throw std::runtime_error("cannot write PEM: " + tls_error());
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

/// Reads PEM with `read`; `what` names the object in the message.
template <class Handle, class Read>
Result<Handle> parsed(std::string_view pem, std::string_view what, Read read) {
  if (pem.size() > pem_limit) return fail(std::string(what) + " is larger than " + format_bytes(pem_limit));
  BioHandle bio = reader(pem);
  Handle handle(bio ? read(bio.get()) : nullptr);
  if (!handle) return openssl_failure("not " + std::string(what) + " in PEM");
  return handle;
}

}  // namespace

Error openssl_failure(std::string_view what) { return fail(std::string(what) + ": " + tls_error()); }

Result<KeyHandle> key_from_pem(std::string_view pem) {
  return parsed<KeyHandle>(pem, "a private key", [](BIO* bio) { return PEM_read_bio_PrivateKey(bio, nullptr, no_passphrase, nullptr); });
}

Result<X509Handle> certificate_from_pem(std::string_view pem) {
  SHOAL_TRY(X509Handle certificate,
            parsed<X509Handle>(pem, "a certificate", [](BIO* bio) { return PEM_read_bio_X509(bio, nullptr, no_passphrase, nullptr); }));
  // Decodes the extensions here and now; OpenSSL would do it at the first use, when several threads may have the certificate.
  if (X509_check_purpose(certificate.get(), -1, 0) != 1) (void)tls_error();
  return certificate;
}

Result<RequestHandle> request_from_pem(std::string_view pem) {
  return parsed<RequestHandle>(pem, "a certificate request",
                               [](BIO* bio) { return PEM_read_bio_X509_REQ(bio, nullptr, no_passphrase, nullptr); });
}

std::string to_pem(const EVP_PKEY* private_key) {
  return written([&](BIO* bio) { return PEM_write_bio_PKCS8PrivateKey(bio, private_key, nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string to_pem(const X509* certificate) {
  return written([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string to_pem(const X509_REQ* request) {
  return written([&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, request); });
}

KeyHandle generate_p256() {
  KeyHandle key(EVP_EC_gen("P-256"));
  if (!key) throw std::runtime_error("cannot generate a P-256 key: " + tls_error());
  return key;
}

bool is_p256(const EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return false;
  char group[64];
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, nullptr) != 1) return false;
  int is_explicit = 0;
  EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
  return std::string_view(group) == SN_X9_62_prime256v1 && is_explicit == 0;
}

}  // namespace shoal::identity
