#include "base/backoff.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <climits>

using namespace shoal;
using namespace std::chrono_literals;

TEST_CASE("each further failure doubles the pause, up to the longest") {
  const auto longest = 300s;
  CHECK(backoff(5s, longest, 0) == 5s);
  CHECK(backoff(5s, longest, 1) == 10s);
  CHECK(backoff(5s, longest, 5) == 160s);
  CHECK(backoff(5s, longest, 6) == 300s);
  CHECK(backoff(5s, longest, UINT_MAX) == 300s);
}

TEST_CASE("a first pause that is longer than the longest is cut, and none stays none") {
  CHECK(backoff(10s, 5s, 0) == 5s);
  CHECK(backoff(0s, 5s, UINT_MAX) == 0s);
}

TEST_CASE("the pause is of the finer unit") { CHECK(backoff(100ms, std::chrono::milliseconds(2s), 3) == 800ms); }
