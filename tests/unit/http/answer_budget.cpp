#include "http/answer_budget.hpp"

#include <algorithm>
#include <vector>

#include "doctest/doctest.h"

namespace shoal::http {
namespace {

using Kind = AnswerBudget::Kind;

const BudgetLimits limits{.small = 10, .own = 100, .shared = 1000, .per_client = 60};

TEST_CASE("a client gets no more than its share, and another client still gets its own") {
  auto budget = AnswerBudget::make(limits);
  auto first = budget->enter("a", 50, Kind::shared);
  REQUIRE(first.hold);
  auto over = budget->enter("a", 11, Kind::shared);
  CHECK_FALSE(over.hold);
  CHECK(over.retry_after == std::chrono::seconds(1));
  CHECK(budget->enter("b", 50, Kind::shared).hold);
  first.hold.reset();
  CHECK(budget->enter("a", 11, Kind::shared).hold);
  CHECK(budget->refused() == 1);
}

TEST_CASE("a client that has nothing may have one that is larger than its share") {
  auto budget = AnswerBudget::make(limits);
  CHECK(budget->enter("a", 90, Kind::own).hold);
}

TEST_CASE("what lies in memory for each client has a total of its own, and small answers always fit") {
  auto budget = AnswerBudget::make(limits);
  auto first = budget->enter("a", 60, Kind::own);
  CHECK_FALSE(budget->enter("b", 50, Kind::own).hold);
  CHECK(budget->enter("b", 50, Kind::shared).hold);
  auto small = budget->enter("b", 10, Kind::own);
  CHECK(small.hold);
  CHECK(budget->in_flight() == 70);
}

TEST_CASE("a crowd is told to come back one after the other, and within a minute") {
  auto budget = AnswerBudget::make({.small = 10, .own = 100 * MiB, .shared = 100 * MiB, .per_client = 100 * MiB});
  auto all = budget->enter("first", 100 * MiB, Kind::shared);
  std::vector<long> turns;
  for (int i = 0; i < 1000; ++i) turns.push_back(budget->enter("c" + std::to_string(i), 32 * MiB, Kind::shared).retry_after.count());
  CHECK(turns.front() == 1);
  CHECK(turns[480] > 25);
  CHECK(turns.back() == 60);
  CHECK(std::is_sorted(turns.begin(), turns.end()));
}

TEST_CASE("a hold outlives the budget's owner, and empty bodies cost nothing") {
  auto budget = AnswerBudget::make(limits);
  auto one = budget->enter("a", 0, Kind::own), two = budget->enter("a", 0, Kind::own);
  budget.reset();
  one.hold.reset();
  CHECK(two.hold);
}

}  // namespace
}  // namespace shoal::http
