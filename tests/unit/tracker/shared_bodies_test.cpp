#include "tracker/shared_bodies.hpp"

#include "doctest/doctest.h"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;

namespace {

ReleaseId id(int number) { return must(ReleaseId::from_raw(std::string(32, static_cast<char>(number)))); }

struct Source {
  explicit Source(ByteCount most, ByteCount kept) : bodies(most, kept) {}
  Result<SharedBody> get(int number, ByteCount size = 10) {
    return bodies.get(id(number), size, [&]() -> Result<std::string> {
      ++loads;
      return std::string(size, 'x');
    });
  }
  SharedBodies bodies;
  int loads = 0;
};

}  // namespace

TEST_CASE("a body that is being read lies in memory once, and is read from the disk once") {
  Source source(100, 0);
  auto first = must(source.get(1)), second = must(source.get(1));
  CHECK(first == second);
  CHECK(source.loads == 1);
  CHECK(source.bodies.live() == 10);
  first.reset();
  second.reset();
  CHECK(source.bodies.live() == 0);
  must(source.get(1));
  CHECK(source.loads == 2);
}

TEST_CASE("bodies that are being read leave no room for another one") {
  Source source(25, 0);
  auto first = must(source.get(1)), second = must(source.get(2));
  CHECK(source.get(3).error().code == ErrorCode::unreachable);
  first.reset();
  CHECK(source.get(3).ok());
}

TEST_CASE("the newest are kept, and make room for one that is read") {
  Source source(30, 20);
  for (int number : {1, 2, 1, 3}) must(source.get(number));
  CHECK(source.bodies.live() == 20);
  CHECK(source.loads == 3);
  must(source.get(1));
  CHECK(source.loads == 3);
  auto large = must(source.get(4, 30));
  CHECK(source.bodies.live() == 30);
}

TEST_CASE("a body that is larger than all room is served when nothing else is") {
  Source source(5, 0);
  auto only = must(source.get(1));
  CHECK_FALSE(source.get(2).ok());
}
