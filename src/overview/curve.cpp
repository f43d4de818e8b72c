#include "overview/curve.hpp"

#include <algorithm>

namespace shoal::overview {

bool Curve::add(WallTime at, const CurveValues& values) {
  if (!points_.empty() && (points_.back().values == values || at < points_.back().at + step_)) return false;
  const auto old = std::find_if(points_.begin(), points_.end(), [&](const CurvePoint& point) { return point.at + life >= at; });
  if (old != points_.begin()) points_.erase(points_.begin(), std::prev(old));  // the one before tells how the day began
  if (points_.size() + 2 > most_points) thin();
  // It was level until now.
  if (!points_.empty() && at > points_.back().at + 2 * step_) points_.push_back({at - step_, points_.back().values});
  points_.push_back({at, values});
  return true;
}

void Curve::thin() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < points_.size(); i += 2) points_[kept++] = points_[i];
  points_.resize(kept);
  step_ *= 2;
}

}  // namespace shoal::overview
