#include "overview/machine_view.hpp"

#include <algorithm>
#include <set>

namespace shoal::overview {
namespace {

constexpr std::size_t key_digits = 16;

std::int64_t seconds(WallTime time) { return time.time_since_epoch().count(); }

/// Counts begin again when a node does; what came before came.
void keep_origins(registry::TransferReport& next, const registry::TransferReport& before) {
  next.from_source = std::max(next.from_source, before.from_source);
  next.from_peers = std::max(next.from_peers, before.from_peers);
  next.from_mirrors = std::max(next.from_mirrors, before.from_mirrors);
  next.reused = std::max(next.reused, before.reused);
}

Json to_json(const registry::SubscriptionReport& each) {
  Json json{{"m", each.model.str()}, {"c", each.channel.str()}, {"phase", each.phase}};
  if (each.wanted) json["wanted"] = key_of(*each.wanted);
  if (each.active) json["active"] = key_of(*each.active);
  if (!each.wanted_version.empty()) json["wv"] = each.wanted_version;
  if (!each.active_version.empty()) json["av"] = each.active_version;
  if (!each.reason.empty()) json["reason"] = each.reason;
  if (each.size > 0) json["done"] = each.done, json["size"] = each.size;
  if (!each.stall.empty()) json["stall"] = each.stall;
  if (each.pointer_expires) json["until"] = seconds(*each.pointer_expires);
  return json;
}

Json to_json(const registry::TransferReport& each) {
  Json json{
      {"r", key_of(each.release)},     {"done", each.done},     {"size", each.size}, {"src", each.from_source}, {"peer", each.from_peers},
      {"mirror", each.from_mirrors},   {"reused", each.reused}, {"sent", each.sent}, {"rate", each.rate},       {"peers", each.peers},
      {"ideal", each.percent_of_ideal}};
  if (each.seconds_left) json["left"] = *each.seconds_left;
  if (!each.stall.empty()) json["stall"] = each.stall;
  return json;
}

}  // namespace

std::string key_of(const ReleaseId& release) { return release.hex().substr(0, key_digits); }

std::string_view name(Standing standing) {
  switch (standing) {
    case Standing::none: return "none";
    case Standing::waiting: return "waiting";
    case Standing::fetching: return "fetching";
    case Standing::complete: return "complete";
    case Standing::failed: return "failed";
  }
  return "none";
}

std::string_view name(Doing doing) {
  switch (doing) {
    case Doing::revoked: return "revoked";
    case Doing::failed: return "failed";
    case Doing::stalled: return "stalled";
    case Doing::silent: return "silent";
    case Doing::fetching: return "fetching";
    case Doing::waiting: return "waiting";
    case Doing::active: return "active";
    case Doing::complete: return "complete";
    case Doing::idle: return "idle";
  }
  return "idle";
}

Doing doing(const MachineView& machine, WallTime now) {
  if (machine.row.revoked) return Doing::revoked;
  if (!machine.seen || *machine.seen + silence < now) return Doing::silent;
  const auto follows = [&](const auto& is) { return std::any_of(machine.subscriptions.begin(), machine.subscriptions.end(), is); };
  const auto fetches = [&](const auto& is) {
    return std::any_of(machine.transfers.begin(), machine.transfers.end(),
                       [&](const auto& each) { return !each.second.complete() && is(each.second); });
  };
  if (follows([](const auto& each) { return each.phase == "failed"; })) return Doing::failed;
  if (follows([](const auto& each) { return !each.stall.empty(); }) || fetches([](const auto& each) { return !each.stall.empty(); }))
    return Doing::stalled;
  if (follows([](const auto& each) { return each.phase == "fetching"; }) || fetches([](const auto&) { return true; }))
    return Doing::fetching;
  if (follows([](const auto& each) { return each.phase != "active" && each.phase != "idle"; })) return Doing::waiting;
  if (follows([](const auto& each) { return each.phase == "active"; })) return Doing::active;
  return machine.transfers.empty() && machine.announced.empty() ? Doing::idle : Doing::complete;
}

void MachineView::note_wanted(WallTime at) {
  std::map<ReleaseId, WallTime> next;
  for (const auto& each : subscriptions) {
    if (!each.wanted || each.wanted == each.active) continue;
    const auto before = wanted_since.find(*each.wanted);
    next.emplace(*each.wanted, before == wanted_since.end() ? at : before->second);
  }
  wanted_since = std::move(next);
}

void MachineView::note_failures() {
  std::map<std::string, FailedSwitch> next;
  for (const auto& each : subscriptions) {
    const std::string channel = each.ref().str();
    if (each.phase == "failed") next[channel] = {each.wanted, each.wanted_version, each.reason};
    else if (auto before = failures.find(channel);
             each.wanted != each.active && before != failures.end() && before->second.wanted == each.wanted)
      next[channel] = before->second;
  }
  failures = std::move(next);
}

void MachineView::take(WallTime at, const registry::NodeReport& report) {
  seen = at;
  software = report.software;
  subscriptions = report.subscriptions;
  note_wanted(at);
  note_failures();
  disk_free = report.disk_free;
  disk_size = report.disk_size;
  for (auto& [release, transfer] : transfers) transfer.rate = 0, transfer.links.clear();
  for (registry::TransferReport next : report.transfers) {
    auto before = transfers.find(next.release);
    if (before != transfers.end()) keep_origins(next, before->second);
    else if (transfers.size() >= most_transfers) transfers.erase(transfers.begin());
    transfers.insert_or_assign(next.release, std::move(next));
  }
}

Standing MachineView::standing(const ReleaseId& release) const {
  auto announce = announced.find(release);
  auto transfer = transfers.find(release);
  if (announce != announced.end() && announce->second) return Standing::complete;
  if (transfer != transfers.end() && transfer->second.complete()) return Standing::complete;
  Standing best =
      announce != announced.end() || (transfer != transfers.end() && transfer->second.peers > 0) ? Standing::fetching : Standing::none;
  for (const auto& each : subscriptions) {
    if (each.active == release) return Standing::complete;
    if (each.wanted != release) continue;
    if (each.phase == "failed") return Standing::failed;
    if (each.phase == "fetching") best = Standing::fetching;
    else if (best == Standing::none) best = Standing::waiting;
  }
  return best;
}

ByteCount MachineView::done(const ReleaseId& release, ByteCount size) const {
  if (standing(release) == Standing::complete) return size;
  ByteCount done = 0;
  if (auto transfer = transfers.find(release); transfer != transfers.end()) done = transfer->second.done;
  for (const auto& each : subscriptions)
    if (each.wanted == release) done = std::max(done, each.done);
  return std::min(done, size);
}

std::vector<ReleaseId> MachineView::releases() const {
  std::vector<ReleaseId> all;
  for (const auto& [release, complete] : announced) all.push_back(release);
  for (const auto& [release, transfer] : transfers) all.push_back(release);
  for (const auto& each : subscriptions) {
    if (each.wanted) all.push_back(*each.wanted);
    if (each.active) all.push_back(*each.active);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

ByteCount MachineView::rate() const {
  ByteCount sum = 0;
  for (const auto& [release, transfer] : transfers) sum += transfer.rate;
  return sum;
}

Json to_json(const MachineView& machine) {
  const registry::MachineRow& row = machine.row;
  Json json{{"id", row.id.str()},
            {"name", machine.shown_name()},
            {"site", row.site},
            {"role", std::string(identity::name(row.role))},
            {"cert", seconds(row.certificate_until)}};
  if (row.revoked) json["revoked"] = seconds(*row.revoked);
  if (row.held_twice) json["twice"] = seconds(*row.held_twice);
  if (machine.seen) json["seen"] = seconds(*machine.seen);
  if (!machine.software.empty()) json["software"] = machine.software;
  if (machine.disk_size > 0) json["free"] = machine.disk_free, json["disk"] = machine.disk_size;
  for (const auto& each : machine.subscriptions) json["subs"].push_back(to_json(each));
  for (const auto& [release, transfer] : machine.transfers) json["moves"].push_back(to_json(transfer));
  for (const auto& [release, complete] : machine.announced) json["serves"].push_back({key_of(release), complete});
  return json;
}

Json links_json(const MachineView& machine) {
  Json links = Json::array();
  for (const auto& [release, transfer] : machine.transfers)
    for (const registry::LinkReport& link : transfer.links) {
      links.push_back({{"r", key_of(release)}, {"peer", link.peer.str()}, {"source", link.source}, {"rate", link.rate}});
      if (link.round_trip) links.back()["rtt"] = link.round_trip->count();
    }
  return links;
}

}  // namespace shoal::overview
