#include "tracker/node_reports.hpp"

#include <algorithm>
#include <tuple>

namespace shoal::tracker {
namespace {

bool is_failure(const registry::SubscriptionReport& report, const ReleaseId& release) {
  return report.phase == "failed" && report.wanted == release;
}

bool follows(const registry::NodeReport& report, const ModelName& model, const ChannelName& channel) {
  return std::any_of(report.subscriptions.begin(), report.subscriptions.end(),
                     [&](const registry::SubscriptionReport& row) { return row.model == model && row.channel == channel; });
}

}  // namespace

void count(RolloutTally& tally, const registry::NodeReport& report, const ModelName& model, const ChannelName& channel,
           const ReleaseId& release) {
  for (const registry::SubscriptionReport& row : report.subscriptions) {
    if (row.model != model || row.channel != channel) continue;
    if (is_failure(row, release)) ++tally.failed;
    else if (row.active == release) ++tally.active;
    return;  // a channel counts once, however often a node names it
  }
}

bool halts(const RolloutTally& tally, std::uint32_t halt_percent, std::uint32_t sample) {
  if (halt_percent == 0 || tally.failed == 0) return false;
  const std::uint64_t tried = std::uint64_t{tally.failed} + tally.active;
  if (tried < std::min(sample, tally.audience)) return false;
  return std::uint64_t{tally.failed} * 100 > tried * halt_percent;
}

Status NodeReports::put(const NodeId& node, registry::NodeReport report, WallTime now) {
  if (report.subscriptions.size() > most_subscriptions)
    return fail(ErrorCode::usage, "a node may report " + std::to_string(most_subscriptions) + " subscriptions at most");
  reports_.lock()->insert_or_assign(node, Stored{now, std::move(report)});
  return {};
}

std::vector<registry::NodeRow> NodeReports::rows(const std::vector<registry::MachineRow>& machines) const {
  return reports_.with([&](const auto& reports) {
    std::vector<registry::NodeRow> rows;
    for (const registry::MachineRow& machine : machines) {
      auto found = reports.find(machine.id);
      if (found != reports.end()) rows.push_back({machine, found->second.at, found->second.report});
      else if (machine.role == identity::Role::node) rows.push_back({machine, std::nullopt, {}});
    }
    return rows;
  });
}

RolloutTally NodeReports::tally(const ChannelStanding& standing, WallTime now) const {
  const auto& [model, channel] = std::tie(standing.state.model, standing.state.channel);
  const manifest::Rollout rollout{standing.percent, standing.salt, {}, standing.halt_percent};
  return reports_.with([&](const auto& reports) {
    RolloutTally tally;
    for (const auto& [node, stored] : reports) {
      if (stored.at + report_life < now) continue;
      count(tally, stored.report, model, channel, standing.release);
      if (follows(stored.report, model, channel) && manifest::is_chosen(rollout, node)) ++tally.audience;
    }
    return tally;
  });
}

std::vector<ChannelStanding> NodeReports::to_halt(const registry::NodeReport& report, const FreshnessDesk& desk, WallTime now) const {
  std::vector<ChannelStanding> halted;
  for (const registry::SubscriptionReport& row : report.subscriptions) {
    if (row.phase != "failed") continue;
    auto standing = desk.standing(row.model, row.channel);
    // Only a failure can bring the share of failures up.
    if (!standing || standing->halt_percent == 0 || standing->state.halted || !is_failure(row, standing->release)) continue;
    if (halts(tally(*standing, now), standing->halt_percent, sample_)) halted.push_back(std::move(*standing));
  }
  return halted;
}

}  // namespace shoal::tracker
