#include "crypto/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <limits>
#include <stdexcept>

namespace shoal::crypto {
namespace {

struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;

// These calls fail only without memory or without a provider: nothing a caller could handle.
void must(int ok, const char* what) {
  if (ok != 1) throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

void begin(EVP_MD_CTX* context, const EVP_MD* algorithm) { must(EVP_DigestInit_ex(context, algorithm, nullptr), "digest init"); }

Context make_context(const EVP_MD* algorithm) {
  Context context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  begin(context.get(), algorithm);
  return context;
}

template <class Out>
Out finish_and_restart(EVP_MD_CTX* context, const EVP_MD* algorithm) {
  Out out;
  must(EVP_DigestFinal_ex(context, out.bytes.data(), nullptr), "digest final");
  begin(context, algorithm);
  return out;
}

template <class Out>
Out digest_of(std::string_view bytes, const EVP_MD* algorithm) {
  Out out;
  must(EVP_Digest(bytes.data(), bytes.size(), out.bytes.data(), nullptr, algorithm, nullptr), "digest");
  return out;
}

}  // namespace

Sha256 sha256(std::string_view bytes) { return digest_of<Sha256>(bytes, EVP_sha256()); }

Sha1 sha1(std::string_view bytes) { return digest_of<Sha1>(bytes, EVP_sha1()); }

struct Sha256Hasher::State {
  Context context = make_context(EVP_sha256());
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {}
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;
Sha256Hasher::~Sha256Hasher() = default;

void Sha256Hasher::update(std::string_view bytes) {
  must(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()), "digest update");
}

Sha256 Sha256Hasher::finish() { return finish_and_restart<Sha256>(state_->context.get(), EVP_sha256()); }

struct Sha1Hasher::State {
  Context context = make_context(EVP_sha1());
};

Sha1Hasher::Sha1Hasher() : state_(std::make_unique<State>()) {}
Sha1Hasher::Sha1Hasher(Sha1Hasher&&) noexcept = default;
Sha1Hasher& Sha1Hasher::operator=(Sha1Hasher&&) noexcept = default;
Sha1Hasher::~Sha1Hasher() = default;

void Sha1Hasher::update(std::string_view bytes) {
  must(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()), "digest update");
}

Sha1 Sha1Hasher::finish() { return finish_and_restart<Sha1>(state_->context.get(), EVP_sha1()); }

std::string random_bytes(std::size_t count) {
  if (count > static_cast<std::size_t>(std::numeric_limits<int>::max())) throw std::length_error("too many random bytes at once");
  std::string bytes(count, '\0');
  must(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)), "random generator");
  return bytes;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace shoal::crypto
