#include "fuzz/fuzz.hpp"
#include "registry/messages.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)registry::decode_announce_reply(fuzz::text(data, size));
  return 0;
}
