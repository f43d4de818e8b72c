#include "swarm/block_digests.hpp"

#include "crypto/digest.hpp"
#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::swarm;

TEST_CASE("the digests of bytes in memory are those of 16 KiB each") {
  const std::string bytes(40'000, 'x');
  const fanout::BlockDigests digests = block_digests(bytes);
  REQUIRE(digests.size() == 3);
  CHECK(*digests[0] == crypto::sha256(std::string(16'384, 'x')));
  CHECK(*digests[2] == crypto::sha256(std::string(40'000 - 2 * 16'384, 'x')));
}
