#include "fanout/number_set.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <set>

#include "doctest/doctest.h"

using shoal::fanout::NumberSet;

TEST_CASE("a set of numbers says what a set of the standard library says") {
  std::mt19937 random(1);
  for (const NumberSet::Number bound : {1U, 63U, 64U, 65U, 500U}) {
    NumberSet a(bound), b(bound);
    std::set<NumberSet::Number> in_a, in_b;
    for (int round = 0; round < 400; ++round) {
      const auto one = static_cast<NumberSet::Number>(random() % bound), other = static_cast<NumberSet::Number>(random() % bound);
      const bool member = random() % 3 == 0;
      a.set(one, member);
      member ? (void)in_a.insert(one) : (void)in_a.erase(one);
      b.insert(other);
      in_b.insert(other);
      if (random() % 2) b.erase(one);
      if (!b.contains(one)) in_b.erase(one);

      std::set<NumberSet::Number> both, found;
      std::set_intersection(in_a.begin(), in_a.end(), in_b.begin(), in_b.end(), std::inserter(both, both.end()));
      NumberSet::each_common(a, b, [&](NumberSet::Number number) { found.insert(number); });
      REQUIRE(found == both);
      REQUIRE(a.size() == in_a.size());
      REQUIRE(NumberSet::intersect(a, b) == !both.empty());
      const auto from = static_cast<NumberSet::Number>(random() % bound);
      const auto next = both.lower_bound(from);
      const auto first = NumberSet::first_common(a, b, from);
      REQUIRE(first.has_value() == !both.empty());
      if (first) REQUIRE(*first == (next == both.end() ? *both.begin() : *next));
      if (!in_a.empty()) REQUIRE(a.nth(in_a.size() / 2) == *std::next(in_a.begin(), static_cast<long>(in_a.size() / 2)));
    }
  }
}

TEST_CASE("a set without room is empty and meets nothing") {
  NumberSet none(0), other(0);
  CHECK(none.empty());
  CHECK_FALSE(NumberSet::first_common(none, other, 0).has_value());
}
