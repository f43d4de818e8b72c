#include "crypto/signing_key.hpp"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <stdexcept>

#include "crypto/digest.hpp"

namespace shoal::crypto {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;
using Bytes = std::unique_ptr<unsigned char, Free>;

// A key file is a few hundred bytes; anything longer is not one.
constexpr std::size_t key_text_limit = 16 * 1024;

[[noreturn]] void broken(const char* what) {
  ERR_clear_error();
  throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

Bio reading(std::string_view text) {
  Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

Bio writing() {
  Bio bio(BIO_new(BIO_s_mem()));
  if (!bio) throw std::bad_alloc();
  return bio;
}

std::string content(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

// OpenSSL would ask the terminal for a passphrase otherwise.
int no_passphrase(char*, int, int, void*) { return -1; }

bool is_p256(const EVP_PKEY* key) {
  char group[64] = {};
  std::size_t length = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &length) == 1 &&
         std::string_view(group, length) == "prime256v1";
}

Status check_kind(const EVP_PKEY* key, const char* what) {
  ERR_clear_error();
  if (key == nullptr) return fail(std::string("this is not a ") + what);
  if (!is_p256(key)) return fail(std::string("this ") + what + " is not an EC key on P-256, the only kind that signs content");
  return {};
}

std::string der_of(EVP_PKEY* key) {
  unsigned char* out = nullptr;
  int size = i2d_PUBKEY(key, &out);
  Bytes bytes(out);
  if (size <= 0) broken("encoding a public key");
  return {reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)};
}

}  // namespace

struct PublicKey::State {
  Key key;
  std::string der;
  KeyId id;

  // The id is taken from OpenSSL's own encoding, so that two spellings of one key (a compressed point) have one id.
  static std::shared_ptr<const State> of(Key key) {
    EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
    std::string der = der_of(key.get());
    KeyId id;
    id.bytes = sha256(der).bytes;
    return std::make_shared<const State>(State{std::move(key), std::move(der), id});
  }
};

struct PrivateKey::State {
  Key key;
  PublicKey public_key;
};

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  if (pem.size() > key_text_limit) return fail("this is not a public key in PEM form");
  Bio bio = reading(pem);
  Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  SHOAL_CHECK(check_kind(key.get(), "public key in PEM form"));
  return PublicKey(State::of(std::move(key)));
}

Result<PublicKey> PublicKey::from_der(std::string_view der) {
  if (der.size() > key_text_limit) return fail("this is not a public key in DER form");
  auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* end = at + der.size();
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  SHOAL_CHECK(check_kind(key.get(), "public key in DER form"));
  if (at != end) return fail("bytes follow the public key");
  return PublicKey(State::of(std::move(key)));
}

std::string PublicKey::pem() const {
  Bio bio = writing();
  if (PEM_write_bio_PUBKEY(bio.get(), state_->key.get()) != 1) broken("writing a public key");
  return content(bio.get());
}

std::string PublicKey::der() const { return state_->der; }

KeyId PublicKey::id() const { return state_->id; }

bool PublicKey::verifies(std::string_view message, std::string_view signature) const {
  Context context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  bool good = EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, state_->key.get()) == 1 &&
              EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                               reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  ERR_clear_error();
  return good;
}

PrivateKey PrivateKey::generate() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) broken("generating a P-256 key");
  Result<PublicKey> public_key = PublicKey::from_der(der_of(key.get()));
  if (!public_key.ok()) broken("reading back a generated key");
  return PrivateKey(std::make_shared<const State>(State{std::move(key), std::move(public_key).value()}));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.size() > key_text_limit) return fail("this is not a private key in PEM form");
  Bio bio = reading(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  SHOAL_CHECK(check_kind(key.get(), "private key in PEM form without a passphrase"));
  SHOAL_TRY(PublicKey public_key, PublicKey::from_der(der_of(key.get())));
  return PrivateKey(std::make_shared<const State>(State{std::move(key), std::move(public_key)}));
}

std::string PrivateKey::pem() const {
  Bio bio = writing();
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), state_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    broken("writing a private key");
  return content(bio.get());
}

PublicKey PrivateKey::public_key() const { return state_->public_key; }

std::string PrivateKey::sign(std::string_view message) const {
  Context context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  auto* data = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, state_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data, message.size()) != 1)
    broken("signing");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, message.size()) != 1)
    broken("signing");
  signature.resize(size);
  return signature;
}

}  // namespace shoal::crypto
