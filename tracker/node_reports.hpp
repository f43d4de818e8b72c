// What nodes say of themselves, kept in memory: they say it again within a minute. And when their failures halt a rollout.
#pragma once

#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "registry/messages.hpp"
#include "tracker/freshness.hpp"

namespace shoal::tracker {

/// How a release fares among the nodes that tried it.
struct RolloutTally {
  std::uint32_t failed = 0;
  std::uint32_t active = 0;
  bool operator==(const RolloutTally&) const = default;
};

/// What one node's report adds: it failed where it wants the release and says so, else it has it active or not.
void count(RolloutTally& tally, const registry::NodeReport& report, const ModelName& model, const ChannelName& channel,
           const ReleaseId& release);
/// More than `halt_percent` of those that tried failed. Never for 0.
bool halts(const RolloutTally& tally, std::uint32_t halt_percent);

/// Thread-safe.
class NodeReports {
 public:
  /// Of one node; a report with more is refused (`usage`).
  static constexpr std::size_t most_subscriptions = 256;

  Status put(const NodeId& node, registry::NodeReport report, WallTime now);
  /// Every machine that fetches or serves, with its report where it made one.
  std::vector<registry::NodeRow> rows(const std::vector<registry::MachineRow>& machines) const;
  RolloutTally tally(const ModelName& model, const ChannelName& channel, const ReleaseId& release) const;
  /// The channels that this report brings to a halt, by what they stand at.
  std::vector<ChannelStanding> to_halt(const registry::NodeReport& report, const FreshnessDesk& desk) const;

 private:
  struct Stored {
    WallTime at;
    registry::NodeReport report;
  };
  Guarded<std::unordered_map<NodeId, Stored>> reports_;
};

}  // namespace shoal::tracker
