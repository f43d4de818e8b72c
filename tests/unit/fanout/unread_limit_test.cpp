#include "fanout/unread_limit.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::fanout;

namespace {

SteadyTime at(int seconds) { return SteadyTime{} + std::chrono::seconds(seconds); }

SendBuffer full(ByteCount waiting, ByteCount payload = 0, ByteCount sent = 0) { return {waiting, payload, sent, true}; }

}  // namespace

TEST_CASE("messages that pile up are too much beyond what a content's pieces need, payload is libtorrent's to bound") {
  const UnreadLimit limit(1000);
  CHECK_FALSE(limit.judge(full(UnreadLimit::least + 9000)));
  CHECK(limit.judge(full(UnreadLimit::least + 9001)));
  CHECK_FALSE(limit.judge(full(5 * MiB, 4 * MiB + 600 * KiB)));
  CHECK(limit.judge(full(5 * MiB, 4 * MiB)));
  CHECK_FALSE(limit.judge(full(0, 4 * MiB)));
}

TEST_CASE("a content of many pieces may have a have for each wait") { CHECK_FALSE(UnreadLimit(1'000'000).judge(full(9 * MiB))); }

TEST_CASE("a full socket that takes nothing for a minute is given up") {
  UnreadLimit limit(10);
  for (int second = 0; second < 61; ++second) CHECK_FALSE(limit.judge(full(100'000, 90'000, 5), at(second)));
  CHECK(limit.judge(full(100'000, 90'000, 5), at(61)));
}

TEST_CASE("a slow reader is not given up") {
  UnreadLimit limit(10);
  for (int second = 0; second < 300; ++second)
    CHECK_FALSE(limit.judge(full(100'000, 90'000, static_cast<ByteCount>(second / 50)), at(second)));
}

TEST_CASE("what waits for our own rate limit, or for nobody, is no fault of the peer's") {
  UnreadLimit limit(10);
  for (int second = 0; second < 300; ++second) {
    CHECK_FALSE(limit.judge(SendBuffer{100'000, 90'000, 0, false}, at(second)));
    CHECK_FALSE(limit.judge(SendBuffer{0, 0, 0, true}, at(second)));
  }
}
