#include "top/picture.hpp"

#include <algorithm>
#include <set>

namespace shoal::top {
namespace {

using overview::MachineView;
using overview::ReleaseView;

unsigned share(ByteCount part, ByteCount whole) {
  if (whole == 0) return 0;
  return static_cast<unsigned>(100.0 * static_cast<double>(std::min(part, whole)) / static_cast<double>(whole));
}

/// Reports name a release's size, status does not.
std::map<ReleaseId, ByteCount> sizes(const overview::Machines& machines) {
  std::map<ReleaseId, ByteCount> sizes;
  for (const auto& [id, machine] : machines) {
    for (const auto& [release, transfer] : machine.transfers) sizes[release] = std::max(sizes[release], transfer.size);
    for (const auto& each : machine.subscriptions)
      if (each.wanted && each.size > 0) sizes[*each.wanted] = std::max(sizes[*each.wanted], each.size);
  }
  return sizes;
}

std::vector<overview::ReleaseFacts> facts_of(const registry::FleetStatus& status, const std::map<ReleaseId, ByteCount>& sizes) {
  std::vector<overview::ReleaseFacts> facts;
  for (const registry::SwarmRow& swarm : status.swarms) {
    overview::ReleaseFacts each;
    each.id = swarm.id;
    each.model = swarm.model;
    each.version = swarm.version;
    if (auto size = sizes.find(swarm.id); size != sizes.end()) each.size = size->second;
    facts.push_back(std::move(each));
  }
  return facts;
}

bool is_under_way(const ReleaseView& release) { return release.all.complete < release.all.machines; }

std::string short_name(const ModelName& model) { return model.str().substr(model.str().find('/') + 1); }

bool changes(const registry::SubscriptionReport& each) {
  return !each.wanted_version.empty() && each.wanted_version != each.active_version;
}

std::string version_text(const registry::SubscriptionReport& each) {
  std::string text = short_name(each.model);
  if (!each.active_version.empty()) text += " " + each.active_version;
  return changes(each) ? text + " -> " + each.wanted_version : text;
}

Json json_of(const MachineView& machine, const Picture& picture) {
  Json json{{"id", machine.row.id.str()},
            {"name", machine.row.name},
            {"site", machine.row.site},
            {"role", std::string(identity::name(machine.row.role))},
            {"state", std::string(name(overview::doing(machine, picture.at)))},
            {"versions", versions(machine, picture)},
            {"percent", Json()},
            {"rate", machine.rate()},
            {"seen_seconds_ago", Json()}};
  if (const auto done = percent(machine)) json["percent"] = *done;
  if (machine.seen) json["seen_seconds_ago"] = std::max<std::int64_t>((picture.at - *machine.seen).count(), 0);
  return json;
}

Json json_of(const ReleaseView& release) {
  Json json{{"model", release.facts.model.str()},
            {"version", release.facts.version.str()},
            {"release", release.facts.id.hex()},
            {"bytes", release.facts.size},
            {"nodes", release.all.machines},
            {"complete", release.all.complete},
            {"fetching", release.all.fetching},
            {"waiting", release.all.waiting},
            {"failed", release.all.failed},
            {"percent", percent(release)},
            {"bytes_from_source", release.from_source},
            {"bytes_from_peers", release.from_peers},
            {"rate", release.all.rate},
            {"seconds_left", Json()}};
  if (release.seconds_left) json["seconds_left"] = *release.seconds_left;
  return json;
}

}  // namespace

void take(Picture& picture, const std::vector<registry::NodeRow>& rows, const registry::FleetStatus& status, WallTime now) {
  std::set<NodeId> listed;
  for (const registry::NodeRow& row : rows) {
    listed.insert(row.machine.id);
    MachineView& machine = picture.machines[row.machine.id];
    machine.row = row.machine;
    if (row.seen && row.seen != machine.seen) machine.take(*row.seen, row.report);
    machine.seen = row.seen;
  }
  std::erase_if(picture.machines, [&](const auto& each) { return !listed.contains(each.first); });
  picture.fleet = status.fleet.str();
  picture.releases = overview::summarise(facts_of(status, sizes(picture.machines)), picture.machines, now);
  picture.at = now;
  picture.problem.clear();
}

unsigned percent(const ReleaseView& release) {
  if (release.facts.size == 0) return share(release.all.complete, release.all.machines);
  return share(release.all.done, release.all.machines * release.facts.size);
}

std::optional<unsigned> percent(const MachineView& machine) {
  ByteCount done = 0, size = 0;
  for (const auto& [release, transfer] : machine.transfers)
    if (!transfer.complete()) done += transfer.done, size += transfer.size;
  if (size > 0) return share(done, size);
  for (const auto& each : machine.subscriptions)
    if (each.phase == "fetching") return share(each.done, each.size);
  const bool has = !machine.transfers.empty() || std::any_of(machine.subscriptions.begin(), machine.subscriptions.end(),
                                                             [](const auto& each) { return each.active.has_value(); });
  return has ? std::optional(100U) : std::nullopt;
}

std::string versions(const MachineView& machine, const Picture& picture) {
  std::vector<std::string> words;
  for (const bool wanted : {true, false})
    for (const auto& each : machine.subscriptions)
      if (changes(each) == wanted) words.push_back(version_text(each));
  for (const auto& [release, transfer] : machine.transfers)
    if (auto view = picture.releases.find(release); machine.subscriptions.empty() && view != picture.releases.end())
      words.push_back(short_name(view->second.facts.model) + " " + view->second.facts.version.str());
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::vector<const ReleaseView*> releases_in_order(const Picture& picture) {
  std::vector<const ReleaseView*> releases;
  for (const auto& [id, release] : picture.releases)
    if (release.all.machines > 0) releases.push_back(&release);
  std::sort(releases.begin(), releases.end(), [](const ReleaseView* a, const ReleaseView* b) {
    if (is_under_way(*a) != is_under_way(*b)) return is_under_way(*a);
    return std::tuple(b->all.rate, a->facts.model.str(), b->facts.version.str()) <
           std::tuple(a->all.rate, b->facts.model.str(), a->facts.version.str());
  });
  return releases;
}

Json to_json(const Picture& picture) {
  Json json{
      {"type", "top"}, {"fleet", picture.fleet}, {"at", format_time(picture.at)}, {"machines", Json::array()}, {"releases", Json::array()}};
  for (const auto& [id, machine] : picture.machines) json["machines"].push_back(json_of(machine, picture));
  for (const ReleaseView* release : releases_in_order(picture)) json["releases"].push_back(json_of(*release));
  if (!picture.problem.empty()) json["problem"] = picture.problem;
  return json;
}

}  // namespace shoal::top
