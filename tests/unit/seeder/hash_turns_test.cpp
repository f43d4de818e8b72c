#include "seeder/hash_turns.hpp"

#include <doctest/doctest.h>

namespace shoal::seeder {
namespace {

using std::chrono::seconds;

const SteadyTime start{};

TEST_CASE("only so many hash at a time") {
  HashTurns turns(1, seconds(10));
  const int first = 0, second = 0;
  CHECK(turns.enter(&first, start));
  CHECK_FALSE(turns.enter(&second, start));
  turns.leave(&first);
  CHECK(turns.enter(&second, start));
}

TEST_CASE("who makes no progress keeps nobody else waiting") {
  HashTurns turns(1, seconds(10));
  const int hanging = 0, other = 0, third = 0;
  CHECK(turns.enter(&hanging, start));
  turns.progress(&hanging, start + seconds(5));
  CHECK_FALSE(turns.enter(&other, start + seconds(14)));
  CHECK(turns.enter(&other, start + seconds(15)));
  CHECK_FALSE(turns.enter(&third, start + seconds(16)));
}

}  // namespace
}  // namespace shoal::seeder
