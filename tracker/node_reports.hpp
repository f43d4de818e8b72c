// What nodes say of themselves, kept in memory: they say it again within a minute. And when their failures halt a rollout.
#pragma once

#include <atomic>
#include <optional>
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
  std::uint32_t audience = 0;  // those that it goes to, whether they tried or not
  bool operator==(const RolloutTally&) const = default;
};

/// What one node says of a channel, and since when it has said that the release which it wants fails, without a word in between.
struct Said {
  const registry::SubscriptionReport& row;
  WallTime failing_since;
};
/// Whether a failure is one of this rollout: of a try under the pointer that began or resumed it, or under a later one. Older nodes do not
/// say under which pointer they tried. Theirs counts where they began to fail after that pointer came, or once every node has had to try
/// again.
bool is_of_rollout(const Said& said, const ChannelStanding& standing, WallTime now);
/// What one node adds: it failed where it wants the release and says so, else it has it active or not.
void count(RolloutTally& tally, const Said& said, const ChannelStanding& standing, WallTime now);
/// After so long every node has tried again what failed (node::retry_delay, and the way of its report).
inline constexpr std::chrono::minutes longest_until_retry{35};
/// So many have to try before a share of failures means something; where it goes to fewer, all of them.
inline constexpr std::uint32_t smallest_sample = 5;
/// A node that has said nothing for so long has gone: it counts neither way.
inline constexpr std::chrono::minutes report_life{5};
/// Enough tried, and more than `halt_percent` of them failed. Never for 0.
bool halts(const RolloutTally& tally, std::uint32_t halt_percent, std::uint32_t sample = smallest_sample);

/// Thread-safe.
class NodeReports {
 public:
  /// `sample`: how many have to try before their failures halt a rollout.
  explicit NodeReports(std::uint32_t sample = smallest_sample) : sample_(sample) {}

  /// Of one node; a report with more is refused (`usage`).
  static constexpr std::size_t most_subscriptions = 256;

  Status put(const NodeId& node, registry::NodeReport report, WallTime now);
  /// Every machine that fetches or serves, with its report where it made one.
  std::vector<registry::NodeRow> rows(const std::vector<registry::MachineRow>& machines) const;
  /// The same for those behind `after` (empty: from the first), as many as fit into `room`, at least one. `not_found` where `after` is none
  /// of them any more.
  Result<registry::NodePage> page(const std::vector<registry::MachineRow>& machines, const NodeId& after, ByteCount room) const;
  RolloutTally tally(const ChannelStanding& standing, WallTime now) const;
  /// The channels that this report brings to a halt, by what they stand at.
  std::vector<ChannelStanding> to_halt(const registry::NodeReport& report, const FreshnessDesk& desk, WallTime now) const;
  /// A report, and when it came.
  struct Arrived {
    NodeId machine;
    WallTime at;
    registry::NodeReport report;
  };
  /// Those that came after `serial`, which becomes that of the newest.
  std::vector<Arrived> since(std::uint64_t& serial) const;
  /// How many machines fetch something, by their last reports.
  std::size_t fetching() const { return fetching_; }
  /// Forgets those of all other machines, which were removed.
  void retain(const std::vector<registry::MachineRow>& machines);
  /// A machine that was revoked.
  void forget(const NodeId& node) { reports_.lock()->erase(node); }

 private:
  struct Stored {
    WallTime at;
    registry::NodeReport report;
    std::vector<WallTime> failing_since;  // for each subscription of the report
    std::uint64_t serial = 0;
    std::uint64_t former_run = 0;           // of the process before this one
    std::optional<WallTime> twice_since{};  // two processes report in turn: the machine was copied
    WallTime twice_until{};
  };
  static bool note_run(Stored& fresh, const Stored& before);
  static std::vector<WallTime> failing_since(const registry::NodeReport& report, const Stored* before, WallTime now);
  using Reports = std::unordered_map<NodeId, Stored>;
  static std::optional<registry::NodeRow> row_of(const Reports& reports, const registry::MachineRow& machine);

  const std::uint32_t sample_;
  Guarded<Reports> reports_;
  std::atomic<std::uint64_t> serial_{0};
  std::atomic<std::size_t> fetching_{0};  // as of the last count
  SteadyTime counted_{};                  // under the lock
  void count_fetching(const Reports& reports);
};

/// When a machine that fetches should report again: soon in a small fleet, and so that the reports of a large one stay few.
std::chrono::seconds report_again(std::size_t fetching);

}  // namespace shoal::tracker
