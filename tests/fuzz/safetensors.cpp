// Input: a whole safetensors file, or an index of shards.
#include <map>

#include "fuzz/fuzz.hpp"
#include "manifest/model_format.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view file = fuzz::text(data, size);
  (void)manifest::shards_of_index(file);
  auto read = [&](const std::string&, ByteCount offset, ByteCount length) {
    return Result<std::string>(std::string(file.substr(offset, length)));
  };
  Result<manifest::FormatSummary> summary = manifest::summarise_checkpoint({{"m.safetensors", size, {}}}, read);
  if (!summary.ok()) return 0;
  ByteCount total = 0;
  for (const auto& [dtype, bytes] : summary->bytes_per_dtype) total += bytes;
  SHOAL_FUZZ_REQUIRE(total <= size);
  return 0;
}
