#include "base/wording.hpp"

#include "doctest/doctest.h"

using namespace shoal;

TEST_CASE("a count agrees with its noun") {
  CHECK(counted(1, "node") == "1 node");
  CHECK(counted(0, "node") == "0 nodes");
  CHECK(counted(2, "copy", "copies") == "2 copies");
}

TEST_CASE("a list names a few words and counts the others") {
  CHECK(listed({}, 2).empty());
  CHECK(listed({"a", "b"}, 2) == "a, b");
  CHECK(listed({"a", "b", "c"}, 2) == "a, b and 1 more");
}
