#include "store/fingerprint.hpp"

#include <string>

#include "doctest/doctest.h"

using namespace shoal::store;

namespace {

Fingerprint of(const std::string& bytes) {
  FingerprintHasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace

TEST_CASE("a fingerprint is XXH3 with 128 bits") {
  // From the specification's own test values for no seed: of nothing.
  CHECK(of("").low == 0x6001c324468d497fULL);
  CHECK(of("").high == 0x99aa06d3014798d8ULL);
}

TEST_CASE("a fingerprint does not depend on how the bytes are cut, and differs when one bit does") {
  std::string bytes(100'000, 'x');
  FingerprintHasher hasher;
  hasher.update(std::string_view(bytes).substr(0, 33'333));
  hasher.update(std::string_view(bytes).substr(33'333));
  CHECK(hasher.finish() == of(bytes));
  std::string flipped = bytes;
  flipped[77'777] ^= 1;
  CHECK(of(flipped) != of(bytes));
  CHECK(of(bytes).is_known());
  CHECK_FALSE(Fingerprint{}.is_known());
}
