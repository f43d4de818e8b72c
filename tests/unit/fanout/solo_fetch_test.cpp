#include "fanout/solo_fetch.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::fanout;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t block = 16 * 1024;
std::string bytes(std::size_t size, char fill = 'x') { return std::string(size, fill); }

}  // namespace

TEST_CASE("a piece is asked for block by block, a few at a time, until it is whole") {
  const SteadyTime now{};
  SoloFetch fetch(7, 20 * block, 20 * block, now);
  auto asked = fetch.next();
  CHECK(asked.size() == 16);
  CHECK(fetch.next().empty());
  std::size_t taken = 0;
  while (!asked.empty()) {
    for (const auto& request : asked) {
      CHECK(request.length == block);
      CHECK(fetch.take(request.start, bytes(block, static_cast<char>('a' + request.start / block)), now));
      ++taken;
    }
    asked = fetch.next();
  }
  CHECK(taken == 20);
  REQUIRE(fetch.is_whole());
  CHECK(fetch.bytes().size() == 20 * block);
  CHECK(fetch.bytes()[19 * block] == 'a' + 19);
}

TEST_CASE("padding is not asked for, but the block that it begins in has its whole length") {
  SoloFetch fetch(7, 4 * block, block + 5, {});
  const auto asked = fetch.next();
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].length == block);
  fetch.take(0, bytes(block), {});
  fetch.take(block, bytes(block), {});
  CHECK(fetch.is_whole());
  CHECK(fetch.bytes().size() == block + 5);
}

TEST_CASE("the last block of a content is as long as what is left") {
  SoloFetch fetch(7, block + 100, block + 100, {});
  CHECK(fetch.next().back().length == 100);
}

TEST_CASE("a block at an odd place, of a wrong length or for the second time is not taken") {
  SoloFetch fetch(7, 4 * block, 4 * block, {});
  fetch.next();
  CHECK_FALSE(fetch.take(1, bytes(block), {}));
  CHECK_FALSE(fetch.take(4 * block, bytes(block), {}));
  CHECK_FALSE(fetch.take(0, bytes(block - 1), {}));
  CHECK(fetch.take(0, bytes(block), {}));
  CHECK_FALSE(fetch.take(0, bytes(block), {}));
  CHECK_FALSE(fetch.is_whole());
}

TEST_CASE("it has stalled when nothing came for a while") {
  const SteadyTime begun{};
  SoloFetch fetch(7, 4 * block, 4 * block, begun);
  CHECK_FALSE(fetch.has_stalled(begun + SoloFetch::patience - 1ms));
  CHECK(fetch.has_stalled(begun + SoloFetch::patience));
  fetch.take(0, bytes(block), begun + 10s);
  CHECK_FALSE(fetch.has_stalled(begun + SoloFetch::patience));
}
