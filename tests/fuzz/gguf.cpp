// Input: how a GGUF file begins. It is read as a whole file, and as the head of one that is far larger.
#include "fuzz/fuzz.hpp"
#include "manifest/model_format.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view head = fuzz::text(data, size);
  Result<manifest::FormatSummary> whole = manifest::summarise_gguf_header(head, size);
  SHOAL_FUZZ_REQUIRE(whole.ok() || whole.error().code == ErrorCode::usage);
  (void)manifest::summarise_gguf_header(head, size + 100 * GiB);
  return 0;
}
