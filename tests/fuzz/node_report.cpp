#include "registry/messages.hpp"

#include "fuzz/fuzz.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto decoded = registry::decode_node_report(fuzz::text(data, size));
  if (!decoded.ok()) return 0;
  auto again = registry::decode_node_report(encode(*decoded));
  SHOAL_FUZZ_REQUIRE(again.ok() && encode(*again) == encode(*decoded));
  return 0;
}
