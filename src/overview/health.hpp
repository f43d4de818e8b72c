// Findings that an operator has to look at, the worst first. Pure.
#pragma once

#include <string>
#include <vector>

#include "overview/release_view.hpp"

namespace shoal::overview {

enum class Severity { error, warning };

struct Finding {
  Severity severity = Severity::warning;
  std::string kind;     // a closed set: "activation_failed", "certificate_ends", ...
  std::string subject;  // a machine's id, "org/model:channel", or empty for the tracker
  std::string name;     // of the subject, for people
  std::string text;     // what is wrong, and what to do
  bool operator==(const Finding&) const = default;
};

struct HealthLimits {
  std::chrono::seconds certificate_life{std::chrono::hours(24)};
  /// A node lags when it lacks for this long what half of the nodes have.
  std::chrono::minutes lag{30};
  std::size_t most_findings = 300;
};

std::vector<Finding> examine(const Machines& machines, const ReleaseViews& releases, const std::vector<ChannelFacts>& channels,
                             const TrackerFacts& tracker, const HealthLimits& limits, WallTime now);
Json to_json(const Finding& finding);

}  // namespace shoal::overview
