#include "overview/release_view.hpp"

#include <algorithm>

namespace shoal::overview {
namespace {

struct Sums {
  std::uint64_t ideal = 0;
  std::uint32_t with_ideal = 0;
};

/// Why a machine is not done, as it says itself, or as its silence says.
std::string why_slow(const MachineView& machine, const ReleaseId& release, WallTime now) {
  if (machine.seen && *machine.seen + silence < now) return "silent";
  for (const auto& each : machine.subscriptions)
    if (each.wanted == release && !each.reason.empty()) return each.reason;
  const auto found = machine.transfers.find(release);
  if (found == machine.transfers.end()) return "not started";
  const registry::TransferReport& transfer = found->second;
  if (!transfer.stall.empty()) return "stalled: " + transfer.stall;
  if (transfer.peers == 0) return "no peers";
  if (transfer.rate == 0) return "nothing arrives";
  return "slow link";
}

void count(SiteShare& share, Standing standing, ByteCount done, ByteCount rate) {
  ++share.machines;
  share.complete += standing == Standing::complete ? 1 : 0;
  share.fetching += standing == Standing::fetching ? 1 : 0;
  share.waiting += standing == Standing::waiting ? 1 : 0;
  share.failed += standing == Standing::failed ? 1 : 0;
  share.done += done;
  share.rate += rate;
}

void note_slow(ReleaseView& view, const MachineView& machine, ByteCount done, WallTime now) {
  const ReleaseId& release = view.facts.id;
  const auto found = machine.transfers.find(release);
  SlowMachine slow{machine.row.id, done, found == machine.transfers.end() ? 0 : found->second.rate, std::nullopt,
                   why_slow(machine, release, now)};
  if (slow.rate > 0) slow.seconds_left = (view.facts.size - done) / slow.rate;
  view.slowest.push_back(std::move(slow));
}

void add(ReleaseView& view, Sums& sums, const MachineView& machine, WallTime now) {
  const ReleaseId& release = view.facts.id;
  const Standing standing = machine.standing(release);
  if (machine.row.role == identity::Role::seeder) {
    view.sources += standing == Standing::complete ? 1 : 0;
    return;
  }
  if (standing == Standing::none || machine.row.revoked) return;
  const ByteCount done = machine.done(release, view.facts.size);
  const auto found = machine.transfers.find(release);
  const ByteCount rate = found == machine.transfers.end() ? 0 : found->second.rate;
  count(view.all, standing, done, rate);
  count(view.sites[machine.row.site], standing, done, rate);
  if (found != machine.transfers.end()) {
    view.from_source += found->second.from_source;
    view.from_peers += found->second.from_peers;
    view.from_mirrors += found->second.from_mirrors;
    view.reused += found->second.reused;
    if (found->second.percent_of_ideal > 0) sums.ideal += found->second.percent_of_ideal, ++sums.with_ideal;
  }
  if (standing != Standing::complete) note_slow(view, machine, done, now);
}

bool slower(const SlowMachine& a, const SlowMachine& b) {
  if (a.seconds_left.has_value() != b.seconds_left.has_value()) return !a.seconds_left.has_value();
  if (a.seconds_left != b.seconds_left) return *a.seconds_left > *b.seconds_left;
  return std::tie(a.done, a.machine) < std::tie(b.done, b.machine);
}

void finish(ReleaseView& view, const Sums& sums) {
  for (const SlowMachine& slow : view.slowest)
    if (slow.seconds_left) view.seconds_left = std::max(view.seconds_left.value_or(0), *slow.seconds_left);
  const std::size_t kept = std::min(view.slowest.size(), ReleaseView::most_slow);
  std::partial_sort(view.slowest.begin(), view.slowest.begin() + static_cast<std::ptrdiff_t>(kept), view.slowest.end(), slower);
  view.slowest.resize(kept);
  if (sums.with_ideal > 0) view.percent_of_ideal = static_cast<unsigned>(sums.ideal / sums.with_ideal);
}

Json to_json(const SiteShare& share) {
  return {{"machines", share.machines}, {"complete", share.complete}, {"fetching", share.fetching}, {"waiting", share.waiting},
          {"failed", share.failed},     {"done", share.done},         {"rate", share.rate}};
}

Json to_json(const SlowMachine& slow) {
  return {{"id", slow.machine.str()},
          {"done", slow.done},
          {"rate", slow.rate},
          {"left", slow.seconds_left ? Json(*slow.seconds_left) : Json()},
          {"why", slow.why}};
}

}  // namespace

ReleaseViews summarise(const std::vector<ReleaseFacts>& releases, const Machines& machines, WallTime now) {
  ReleaseViews views;
  std::unordered_map<ReleaseId, Sums> sums;
  for (const ReleaseFacts& facts : releases) views[facts.id].facts = facts;
  for (const auto& [id, machine] : machines)
    for (const ReleaseId& release : machine.releases())
      if (auto view = views.find(release); view != views.end()) add(view->second, sums[release], machine, now);
  for (auto& [id, view] : views) finish(view, sums[id]);
  return views;
}

Json to_json(const ReleaseView& view) {
  Json json{{"r", key_of(view.facts.id)},
            {"id", view.facts.id.hex()},
            {"model", view.facts.model.str()},
            {"version", view.facts.version.str()},
            {"size", view.facts.size},
            {"created", view.facts.created.time_since_epoch().count()},
            {"sources", view.sources},
            {"all", to_json(view.all)},
            {"sites", Json::array()},
            {"src", view.from_source},
            {"peer", view.from_peers},
            {"mirror", view.from_mirrors},
            {"reused", view.reused},
            {"copies", view.copies()},
            {"slow", Json::array()}};
  if (view.facts.withdrawn) json["withdrawn"] = view.facts.withdrawn_reason;
  if (view.percent_of_ideal) json["ideal"] = *view.percent_of_ideal;
  if (view.seconds_left) json["left"] = *view.seconds_left;
  for (const auto& [site, share] : view.sites) {
    json["sites"].push_back(to_json(share));
    json["sites"].back()["site"] = site;
  }
  for (const SlowMachine& slow : view.slowest) json["slow"].push_back(to_json(slow));
  return json;
}

Json to_json(const CurvePoint& point) {
  const CurveValues& v = point.values;
  return {point.at.time_since_epoch().count(), v.complete, v.fetching, v.failed, v.from_source, v.from_peers, v.from_mirrors, v.reused};
}

}  // namespace shoal::overview
