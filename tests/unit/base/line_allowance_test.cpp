#include "base/line_allowance.hpp"

#include <doctest/doctest.h>

using namespace shoal;
using shoal::log::LineAllowance;

namespace {

const SteadyTime start{std::chrono::hours(1)};

int lines(LineAllowance& allowance, std::string_view subject, SteadyTime now, int wanted) {
  int written = 0;
  for (int i = 0; i < wanted; ++i) written += allowance.take(subject, now) ? 1 : 0;
  return written;
}

}  // namespace

TEST_CASE("a subject has fifty lines at once, and five more a second") {
  LineAllowance allowance;
  CHECK(lines(allowance, "link.up m1", start, 1000) == 50);
  CHECK(lines(allowance, "link.up m1", start + std::chrono::seconds(2), 1000) == 10);
  CHECK(lines(allowance, "link.up m1", start + std::chrono::hours(5), 1000) == 50);
}

TEST_CASE("the next line says how many were left out, once") {
  LineAllowance allowance;
  lines(allowance, "link.up m1", start, 73);
  CHECK(allowance.take("link.up m1", start + std::chrono::seconds(1)) == 23);
  CHECK(allowance.take("link.up m1", start + std::chrono::seconds(1)) == 0);
}

TEST_CASE("one party's lines take nothing from another's") {
  LineAllowance allowance;
  lines(allowance, "link.up m1", start, 1000);
  CHECK(allowance.take("link.up m2", start) == 0);
  CHECK(allowance.take("link.down m1", start) == 0);
}

TEST_CASE("any number of parties costs bounded memory and a bounded number of lines") {
  LineAllowance allowance;
  int written = 0;
  for (int i = 0; i < 100'000; ++i) written += allowance.take("link.refused " + std::to_string(i), start) ? 1 : 0;
  CHECK(allowance.subjects() == LineAllowance::most_subjects);
  CHECK(written == static_cast<int>(LineAllowance::most_subjects) + 50);
}

TEST_CASE("who was quiet for a while is forgotten when there is no room") {
  LineAllowance allowance;
  for (int i = 0; i < 100'000; ++i) (void)allowance.take("link.refused " + std::to_string(i), start);
  const SteadyTime later = start + std::chrono::seconds(30);
  CHECK(lines(allowance, "link.refused new", later, 100) == 50);
  CHECK(allowance.subjects() == 1);
}
