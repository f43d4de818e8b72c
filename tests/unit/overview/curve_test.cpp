#include "overview/curve.hpp"

#include <doctest/doctest.h>

namespace shoal::overview {
namespace {

const WallTime start{std::chrono::seconds(1'700'000'000)};

CurveValues complete(std::uint32_t count) {
  CurveValues values;
  values.complete = count;
  return values;
}

TEST_CASE("a curve has a point where something changed") {
  Curve curve;
  CHECK(curve.add(start, complete(0)));
  CHECK_FALSE(curve.add(start + std::chrono::seconds(5), complete(0)));
  CHECK(curve.add(start + std::chrono::seconds(60), complete(1)));
  REQUIRE(curve.points().size() == 3);
  CHECK(curve.points()[1].values.complete == 0);  // level until then
}

TEST_CASE("a curve never has more than its points, and keeps the ends") {
  Curve curve;
  for (std::uint32_t i = 0; i < 50000; ++i) curve.add(start + std::chrono::seconds(i), complete(i));
  CHECK(curve.points().size() <= Curve::most_points);
  CHECK(curve.points().front().at == start);
  CHECK(curve.points().back().values.complete > 49000);
}

TEST_CASE("a curve forgets what is older than a day") {
  Curve curve;
  curve.add(start, complete(1));
  curve.add(start + std::chrono::hours(1), complete(2));
  curve.add(start + std::chrono::hours(30), complete(3));
  CHECK(curve.points().front().at >= start + std::chrono::hours(1) - std::chrono::seconds(2));
}

}  // namespace
}  // namespace shoal::overview
