#include "base/json.hpp"

#include "base/encoding.hpp"
#include "fuzz/fuzz.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Result<Json> parsed = parse_json(fuzz::text(data, size), 64 * KiB);
  if (!parsed.ok()) {
    SHOAL_FUZZ_REQUIRE(parsed.error().message.size() < 300 && is_utf8(parsed.error().message));
    return 0;
  }
  Result<Json> again = parse_json(parsed->dump(), MiB);
  SHOAL_FUZZ_REQUIRE(again.ok() && again->dump() == parsed->dump());
  JsonReader reader(*parsed, "document");
  reader.string("a");
  reader.number("n");
  (void)reader.finish();
  return 0;
}
