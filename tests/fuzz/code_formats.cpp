// Input: a file of a release, under names that lead to different readers. Whatever it is, a decision comes, says the same each time, and
// costs no more than its bound.
#include "manifest/code_formats.hpp"
#include "base/encoding.hpp"
#include "fuzz/fuzz.hpp"

using namespace shoal;

namespace {

std::vector<std::string> decide(std::string_view path, std::string_view bytes, std::string_view beside) {
  ByteCount read = 0;
  auto found =
      manifest::code_files_by_content({{std::string(path), bytes.size(), {}}, {"weights.data", beside.size(), {}}},
                                      [&](const std::string& name, ByteCount offset, ByteCount length) -> Result<std::string> {
                                        const std::string_view content = name == path ? bytes : beside;
                                        SHOAL_FUZZ_REQUIRE(length > 0 && offset <= content.size() && length <= content.size() - offset);
                                        read += length;
                                        return std::string(content.substr(offset, length));
                                      });
  SHOAL_FUZZ_REQUIRE(found.ok());
  SHOAL_FUZZ_REQUIRE(read <= 16 * bytes.size() + 16 * beside.size() + 256 * MiB);
  for (const std::string& why : *found) SHOAL_FUZZ_REQUIRE(is_utf8(why) && !has_control_characters(why));
  return std::move(found).value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text(data, size);
  const auto plain = decide("model.bin", bytes, bytes.substr(0, size / 2));
  SHOAL_FUZZ_REQUIRE(decide("model.bin", bytes, bytes.substr(0, size / 2)) == plain);
  for (std::string_view path : {"config.json", "a.yaml", "model_index.json", "weights.xml", "deep/model.onnx"})
    (void)decide(path, bytes, bytes);
  (void)manifest::executes_code_by_name(is_utf8(bytes) ? bytes : "x");
  return 0;
}
