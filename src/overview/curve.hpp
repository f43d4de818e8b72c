// How a release spread over time, in bounded memory. Pure.
#pragma once

#include <vector>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace shoal::overview {

/// The values of a curve at one time.
struct CurveValues {
  std::uint32_t complete = 0, fetching = 0, failed = 0;
  ByteCount from_source = 0, from_peers = 0, from_mirrors = 0, reused = 0;
  bool operator==(const CurveValues&) const = default;
};
struct CurvePoint {
  WallTime at;
  CurveValues values;
};

/// Keeps a point where something changed, at most `most_points` of the last day. When it is full, every second one goes and the steps
/// double.
class Curve {
 public:
  static constexpr std::size_t most_points = 600;
  static constexpr std::chrono::hours life{24};

  /// True where this became a point.
  bool add(WallTime at, const CurveValues& values);
  const std::vector<CurvePoint>& points() const { return points_; }

 private:
  void thin();
  std::vector<CurvePoint> points_;
  std::chrono::seconds step_{1};
};

}  // namespace shoal::overview
