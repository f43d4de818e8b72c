#include "tracker/node_reports.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>
#include <unordered_set>

namespace shoal::tracker {
namespace {

constexpr std::chrono::seconds count_period{2};
constexpr std::size_t reports_per_second = 50;  // of the machines that fetch

bool is_failure(const registry::SubscriptionReport& report, const ReleaseId& release) {
  return report.phase == "failed" && report.wanted == release;
}

/// Where `report` has the channel; a channel counts once, however often a node names it.
std::optional<std::size_t> index_of(const registry::NodeReport& report, const ModelName& model, const ChannelName& channel) {
  for (std::size_t i = 0; i < report.subscriptions.size(); ++i)
    if (report.subscriptions[i].model == model && report.subscriptions[i].channel == channel) return i;
  return std::nullopt;
}

}  // namespace

bool is_of_rollout(const Said& said, const ChannelStanding& standing, WallTime now) {
  const manifest::SeenSequence from{standing.state.epoch, standing.judged_from};
  if (said.row.tried) return *said.row.tried >= from;
  return said.failing_since >= standing.judged_since || now >= standing.judged_since + longest_until_retry;
}

void count(RolloutTally& tally, const Said& said, const ChannelStanding& standing, WallTime now) {
  if (!is_failure(said.row, standing.release)) tally.active += said.row.active == standing.release ? 1 : 0;
  else tally.failed += is_of_rollout(said, standing, now) ? 1 : 0;
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
  auto reports = reports_.lock();
  const auto before = reports->find(node);
  std::vector<WallTime> since = failing_since(report, before == reports->end() ? nullptr : &before->second, now);
  Stored fresh{now, std::move(report), std::move(since), ++serial_};
  if (before != reports->end() && note_run(fresh, before->second))
    log::warn("machine_runs_twice", {{"machine", node.str()}, {"meaning", "two processes report with its key: its disk was copied"}});
  reports->insert_or_assign(node, std::move(fresh));
  count_fetching(*reports);
  return {};
}

/// A process that comes back after another one has not been restarted: both run. True where that is news. It is forgotten once one of them
/// has been silent.
bool NodeReports::note_run(Stored& fresh, const Stored& before) {
  const std::uint64_t run = fresh.report.run, last = before.report.run;
  fresh.former_run = run == last ? before.former_run : last;
  const bool is_back = run != 0 && run != last && run == before.former_run;
  if (is_back) fresh.twice_until = fresh.at + report_life;
  else fresh.twice_until = before.twice_until;
  if (fresh.at < fresh.twice_until) fresh.twice_since = before.twice_since.value_or(fresh.at);
  return fresh.twice_since && !before.twice_since;
}

/// Not at each report, since it looks at all of them.
void NodeReports::count_fetching(const Reports& reports) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < counted_ + count_period) return;
  counted_ = now;
  fetching_ = static_cast<std::size_t>(std::count_if(reports.begin(), reports.end(), [](const auto& each) {
    const auto& transfers = each.second.report.transfers;
    return std::any_of(transfers.begin(), transfers.end(), [](const auto& transfer) { return !transfer.complete(); });
  }));
}

std::chrono::seconds report_again(std::size_t fetching) {
  return std::clamp(std::chrono::seconds(fetching / reports_per_second), std::chrono::seconds(2), std::chrono::seconds(30));
}

std::vector<NodeReports::Arrived> NodeReports::since(std::uint64_t& serial) const {
  return reports_.with([&](const Reports& reports) {
    std::vector<Arrived> arrived;
    std::uint64_t newest = serial;
    for (const auto& [node, stored] : reports) {
      if (stored.serial <= serial) continue;
      arrived.push_back({node, stored.at, stored.report});
      newest = std::max(newest, stored.serial);
    }
    serial = newest;
    return arrived;
  });
}

/// Those that failed with the same release the last time go on failing since then.
std::vector<WallTime> NodeReports::failing_since(const registry::NodeReport& report, const Stored* before, WallTime now) {
  std::vector<WallTime> since;
  for (const registry::SubscriptionReport& row : report.subscriptions) {
    since.push_back(now);
    const auto last = before != nullptr ? index_of(before->report, row.model, row.channel) : std::nullopt;
    if (!last || row.phase != "failed") continue;
    const registry::SubscriptionReport& earlier = before->report.subscriptions[*last];
    if (earlier.phase == "failed" && earlier.wanted == row.wanted) since.back() = before->failing_since[*last];
  }
  return since;
}

std::optional<registry::NodeRow> NodeReports::row_of(const Reports& reports, const registry::MachineRow& machine) {
  auto found = reports.find(machine.id);
  if (found != reports.end()) {
    registry::NodeRow row{machine, found->second.at, found->second.report};
    if (!row.machine.held_twice) row.machine.held_twice = found->second.twice_since;
    return row;
  }
  if (machine.role != identity::Role::node) return std::nullopt;
  return registry::NodeRow{machine, std::nullopt, {}};
}

std::vector<registry::NodeRow> NodeReports::rows(const std::vector<registry::MachineRow>& machines) const {
  return page(machines, NodeId(), std::numeric_limits<ByteCount>::max()).value().nodes;
}

Result<registry::NodePage> NodeReports::page(const std::vector<registry::MachineRow>& machines, const NodeId& after, ByteCount room) const {
  auto from = std::find_if(machines.begin(), machines.end(), [&](const auto& machine) { return machine.id == after; });
  if (from == machines.end() && !after.empty())
    return fail(ErrorCode::not_found, "machine " + after.str() + " is not in the list any more: begin with the first page");
  from = after.empty() ? machines.begin() : std::next(from);
  return reports_.with([&](const Reports& reports) {
    registry::NodePage page;
    ByteCount taken = 0;
    for (auto machine = from; machine != machines.end(); ++machine) {
      auto row = row_of(reports, *machine);
      if (!row) continue;
      taken += registry::weight(*row);
      if (taken > room && !page.nodes.empty()) {
        page.next = page.nodes.back().machine.id;
        break;
      }
      page.nodes.push_back(std::move(*row));
    }
    return page;
  });
}

void NodeReports::retain(const std::vector<registry::MachineRow>& machines) {
  std::unordered_set<NodeId> listed;
  for (const registry::MachineRow& machine : machines) listed.insert(machine.id);
  std::erase_if(*reports_.lock(), [&](const auto& each) { return !listed.contains(each.first); });
}

RolloutTally NodeReports::tally(const ChannelStanding& standing, WallTime now) const {
  const auto& [model, channel] = std::tie(standing.state.model, standing.state.channel);
  const manifest::Rollout rollout{standing.percent, standing.salt, {}, standing.halt_percent};
  return reports_.with([&](const auto& reports) {
    RolloutTally tally;
    for (const auto& [node, stored] : reports) {
      if (stored.at + report_life < now) continue;
      const auto index = index_of(stored.report, model, channel);
      if (!index) continue;
      count(tally, {stored.report.subscriptions[*index], stored.failing_since[*index]}, standing, now);
      if (manifest::is_chosen(rollout, node)) ++tally.audience;
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
