#include "manifest/deletion.hpp"

#include "fuzz/fuzz.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto decoded = manifest::decode_deletion(fuzz::text(data, size));
  if (!decoded.ok()) return 0;
  SHOAL_FUZZ_REQUIRE(check(*decoded).ok());
  auto again = manifest::decode_deletion(encode(*decoded));
  SHOAL_FUZZ_REQUIRE(again.ok() && encode(*again) == encode(*decoded));
  return 0;
}
