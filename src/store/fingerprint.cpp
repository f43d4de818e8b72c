#include "store/fingerprint.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <new>

namespace shoal::store {

Fingerprint fingerprint(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

struct FingerprintHasher::State {
  XXH3_state_t xxh;
};

void FingerprintHasher::Free::operator()(State* state) const { delete state; }

FingerprintHasher::FingerprintHasher() : state_(new State) { XXH3_128bits_reset(&state_->xxh); }

void FingerprintHasher::update(std::string_view bytes) { XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size()); }

Fingerprint FingerprintHasher::finish() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  return {hash.low64, hash.high64};
}

}  // namespace shoal::store
