// Input: how a file begins. It is read as a whole file, as the head of one that is far larger, as the end of an archive and as a name.
#include "manifest/code_formats.hpp"
#include "base/encoding.hpp"
#include "fuzz/fuzz.hpp"

using namespace shoal;

namespace {

void check(const std::optional<std::string>& why) {
  if (why) SHOAL_FUZZ_REQUIRE(!why->empty() && is_utf8(*why) && !has_control_characters(*why));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view head = fuzz::text(data, size);
  check(manifest::executes_code_by_magic(head, size));
  check(manifest::executes_code_by_magic(head, size + 100 * GiB));
  check(manifest::executes_code_by_zip_directory(head));
  check(manifest::executes_code_by_name(head));
  return 0;
}
