#include "fuzz/fuzz.hpp"
#include "tracker/query.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text(data, size);
  Result<tracker::AnnounceQuery> query = tracker::parse_announce(text);
  if (query.ok()) SHOAL_FUZZ_REQUIRE(query->peer_id.size() == 20 && query->numwant <= tracker::most_numwant);
  Result<std::vector<InfoHash>> hashes = tracker::parse_scrape(text);
  if (hashes.ok()) SHOAL_FUZZ_REQUIRE(!hashes->empty() && hashes->size() <= tracker::most_scraped);
  return 0;
}
