#include "fanout/request_limit.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace std::chrono_literals;
using fanout::RequestLimit;

TEST_CASE("a peer may have about an eighth of a second of requests waiting") {
  RequestLimit limit;
  CHECK(limit.after_second(64 * MiB, 0us) == 513U);
}

TEST_CASE("what is on its way does not count as waiting, so that a long way can be filled") {
  RequestLimit limit;
  CHECK(limit.after_second(64 * MiB, 125ms) == 1025U);
  // The way takes longer than an eighth of a second: the rate grows nevertheless, until something waits.
  ByteCount rate = 1 * MiB;
  RequestLimit far;
  unsigned told = 4;
  for (int second = 0; second < 20; ++second) {
    told = far.after_second(rate, 300ms).value_or(told);
    rate = std::min<ByteCount>(100 * MiB, told * 16 * KiB * 10 / 3);
  }
  CHECK(rate == 100 * MiB);
}

TEST_CASE("a peer that is sent nothing, or hardly anything, is not cut off") {
  RequestLimit limit;
  CHECK_FALSE(limit.after_second(0, 0us));
  CHECK(limit.after_second(1000, 0us) == 3U);
  CHECK_FALSE(limit.after_second(0, 0us));
  CHECK_FALSE(limit.after_second(0, 0us));
}

TEST_CASE("small changes are not worth a message, and one bad second does not count") {
  RequestLimit limit;
  CHECK(limit.after_second(32 * MiB, 0us) == 257U);
  CHECK_FALSE(limit.after_second(34 * MiB, 0us));
  CHECK_FALSE(limit.after_second(2 * MiB, 0us));
  CHECK(limit.after_second(2 * MiB, 0us) == 17U);
  CHECK(limit.after_second(64 * MiB, 0us) == 513U);
}
