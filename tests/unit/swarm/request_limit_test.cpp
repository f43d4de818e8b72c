#include "swarm/request_limit.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using swarm::RequestLimit;

TEST_CASE("a peer may have about a quarter of a second of requests waiting") {
  RequestLimit limit;
  CHECK(limit.after_second(64 * MiB) == 1025U);
}

TEST_CASE("a peer that is sent nothing, or hardly anything, is not cut off") {
  RequestLimit limit;
  CHECK_FALSE(limit.after_second(0));
  CHECK(limit.after_second(1000) == 4U);
  CHECK_FALSE(limit.after_second(0));
  CHECK_FALSE(limit.after_second(0));
}

TEST_CASE("small changes are not worth a message, and one bad second does not count") {
  RequestLimit limit;
  CHECK(limit.after_second(16 * MiB) == 257U);
  CHECK_FALSE(limit.after_second(17 * MiB));
  CHECK_FALSE(limit.after_second(1 * MiB));
  CHECK(limit.after_second(1 * MiB) == 17U);
  CHECK(limit.after_second(32 * MiB) == 513U);
}
