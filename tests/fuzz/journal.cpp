#include "store/journal.hpp"

#include "fuzz/fuzz.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const store::JournalIdentity identity{Sha256{}, 1000};
  auto state = store::parse_journal(fuzz::text(data, size), identity);
  if (!state.ok()) return 0;
  SHOAL_FUZZ_REQUIRE(state->have.size() == identity.piece_count);
  // What was understood survives being written again.
  auto again = store::parse_journal(store::encode_journal(identity, *state), identity);
  SHOAL_FUZZ_REQUIRE(again.ok() && again->have == state->have && again->files == state->files);
  return 0;
}
