#include "manifest/envelope.hpp"

#include "fuzz/fuzz.hpp"

using namespace shoal;
using manifest::SignedEnvelope;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Result<SignedEnvelope> envelope = SignedEnvelope::decode(fuzz::text(data, size), 16 * KiB);
  if (!envelope.ok()) return 0;
  SHOAL_FUZZ_REQUIRE(envelope->payload.size() <= 16 * KiB);
  Result<SignedEnvelope> again = SignedEnvelope::decode(envelope->encode(), 16 * KiB);
  SHOAL_FUZZ_REQUIRE(again.ok());
  SHOAL_FUZZ_REQUIRE(again->payload == envelope->payload && again->payload_type == envelope->payload_type);
  SHOAL_FUZZ_REQUIRE(again->encode() == envelope->encode());
  return 0;
}
