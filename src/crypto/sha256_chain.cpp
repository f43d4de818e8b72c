#include "crypto/sha256_chain.hpp"

#include <openssl/sha.h>

#include <stdexcept>

// OpenSSL 3 shows the inside of a running SHA-256 only through the calls that it deprecates (SHA256_Init(3)).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace shoal::crypto {

struct Sha256Chain::State {
  SHA256_CTX context;
};

Sha256Chain::Sha256Chain() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }

Sha256Chain::Sha256Chain(const Sha256State& state, ByteCount done) : Sha256Chain() {
  if (done % block != 0) throw std::logic_error("SHA-256 cannot be taken up within a block");
  SHA256_CTX& context = state_->context;
  for (std::size_t word = 0; word < 8; ++word) {
    const std::uint8_t* from = &state.bytes[word * 4];
    context.h[word] = std::uint32_t{from[0]} << 24 | std::uint32_t{from[1]} << 16 | std::uint32_t{from[2]} << 8 | from[3];
  }
  const ByteCount bits = done * 8;
  context.Nl = static_cast<std::uint32_t>(bits);
  context.Nh = static_cast<std::uint32_t>(bits >> 32);
}

Sha256Chain::Sha256Chain(Sha256Chain&&) noexcept = default;
Sha256Chain& Sha256Chain::operator=(Sha256Chain&&) noexcept = default;
Sha256Chain::~Sha256Chain() = default;

void Sha256Chain::update(std::string_view bytes) { SHA256_Update(&state_->context, bytes.data(), bytes.size()); }

Sha256State Sha256Chain::state() const {
  const SHA256_CTX& context = state_->context;
  if (context.num != 0) throw std::logic_error("SHA-256 cannot be left within a block");
  Sha256State state;
  for (std::size_t i = 0; i < state.bytes.size(); ++i) state.bytes[i] = static_cast<std::uint8_t>(context.h[i / 4] >> (24 - i % 4 * 8));
  return state;
}

Sha256 Sha256Chain::finish() {
  Sha256 digest;
  SHA256_Final(digest.bytes.data(), &state_->context);
  return digest;
}

}  // namespace shoal::crypto

#pragma GCC diagnostic pop
