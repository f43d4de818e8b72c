#include "tracker/page/fleet_model.hpp"

#include <algorithm>
#include <ranges>
#include <unordered_set>

namespace shoal::page {
namespace {

constexpr std::chrono::seconds examine_period{5};
constexpr std::chrono::seconds sum_anyway{10};  // a machine that goes silent changes the sums

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::int64_t seconds(WallTime time) { return time.time_since_epoch().count(); }

template <class Items>
Json list(const Items& items) {
  Json array = Json::array();
  for (const auto& item : items) array.push_back(to_json(item));
  return array;
}

Json to_json(const ChannelFacts& channel) {
  return {{"m", channel.model.str()}, {"c", channel.channel.str()},       {"r", overview::key_of(channel.release)},
          {"seq", channel.sequence},  {"percent", channel.percent},       {"halt", channel.halt_percent},
          {"halted", channel.halted}, {"until", seconds(channel.expires)}};
}

Json channel_list(const std::vector<ChannelFacts>& channels) {
  Json array = Json::array();
  for (const ChannelFacts& channel : channels) array.push_back(to_json(channel));
  return array;
}

Json to_json(const TrackerFacts& tracker) {
  return {{"cert", seconds(tracker.certificate_until)},
          {"root", seconds(tracker.trust_root_until)},
          {"refused", tracker.refused_handshakes},
          {"connections", tracker.connections}};
}

/// As many as one picture or change contains.
auto latest(const std::deque<Happening>& all) {
  constexpr std::ptrdiff_t most = 100;
  const auto size = static_cast<std::ptrdiff_t>(all.size());
  return std::ranges::subrange(all.end() - std::min(size, most), all.end());
}

bool same_row(const registry::MachineRow& a, const registry::MachineRow& b) {
  return std::tie(a.id, a.role, a.name, a.site, a.certificate_until, a.revoked, a.held_twice) ==
         std::tie(b.id, b.role, b.name, b.site, b.certificate_until, b.revoked, b.held_twice);
}

}  // namespace

void FleetModel::note(const NodeId& machine) {
  const MachineView& view = machines_.at(machine);
  std::string text = dump(to_json(view));
  std::string& known = encoded_[machine];
  stale_ = true;
  if (known == text) return;
  known = std::move(text);
  changed_.insert(machine);
  gone_.erase(machine);
}

void FleetModel::set_machines(const std::vector<registry::MachineRow>& rows, WallTime now) {
  const bool first = machines_.empty();
  std::unordered_set<NodeId> listed;
  for (const registry::MachineRow& row : rows) {
    listed.insert(row.id);
    auto [at, fresh] = machines_.try_emplace(row.id);
    if (!fresh && same_row(at->second.row, row)) continue;
    if (!first && fresh) happenings_.add(row.id, "joined", std::string(identity::name(row.role)) + " " + row.name, now);
    if (!fresh && row.revoked && !at->second.row.revoked) happenings_.add(row.id, "revoked", "refused by the fleet from now on", now);
    at->second.row = row;
    note(row.id);
  }
  std::erase_if(machines_, [&](const auto& each) {
    if (listed.contains(each.first)) return false;
    encoded_.erase(each.first);
    changed_.erase(each.first);
    gone_.insert(each.first);
    stale_ = true;
    return true;
  });
}

void FleetModel::set_releases(std::vector<ReleaseFacts> releases) {
  if (releases == facts_) return;
  facts_ = std::move(releases);
  stale_ = releases_listed_ = true;
}

void FleetModel::set_channels(std::vector<ChannelFacts> channels) {
  if (channels == channels_) return;
  channels_ = std::move(channels);
  channels_changed_ = true;
}

void FleetModel::set_tracker(const TrackerFacts& tracker) {
  if (tracker == tracker_) return;
  tracker_ = tracker;
  tracker_changed_ = true;
}

void FleetModel::set_presences(const Presences& presences, WallTime now) {
  std::unordered_map<NodeId, std::map<ReleaseId, bool>> by_machine;
  for (const auto& [release, peers] : presences)
    for (const Presence& peer : peers) {
      bool& complete = by_machine[peer.machine][release];
      complete = complete || peer.complete;
    }
  for (auto& [id, machine] : machines_) {
    auto found = by_machine.find(id);
    std::map<ReleaseId, bool> announced = found == by_machine.end() ? std::map<ReleaseId, bool>() : std::move(found->second);
    // Machines that report are seen when they do; the others when they announce, which is not news to anybody.
    const bool only_announces = machine.software.empty() && !announced.empty();
    if (only_announces && (!machine.seen || *machine.seen + std::chrono::seconds(30) <= now)) machine.seen = now;
    else if (announced == machine.announced) continue;
    machine.announced = std::move(announced);
    note(id);
  }
}

void FleetModel::take(const ReportFacts& report) {
  auto found = machines_.find(report.machine);
  if (found == machines_.end()) return;  // its row comes with the next list, and its report again within a minute
  const MachineView before = found->second;
  found->second.take(report.at, report.report);
  if (before.software.empty()) happenings_.begin(found->second, report.at);
  else happenings_.compare(before, found->second, report.at);
  note(report.machine);
}

void FleetModel::turn(WallTime now) {
  happenings_.forget_old(now);
  if (stale_ || now >= summed_ + sum_anyway) {
    ReleaseViews next = summarise(facts_, machines_, now);
    for (const auto& [id, view] : next)
      if (auto before = views_.find(id); before == views_.end() || before->second != view) changed_releases_.insert(id);
    views_ = std::move(next);
    summed_ = now;
    stale_ = false;
  }
  draw(now);
  look_for_trouble(now);
}

/// Releases that nobody has, or that have not moved for a day, need no curve.
void FleetModel::draw(WallTime now) {
  for (const auto& [id, view] : views_) {
    auto curve = curves_.find(id);
    if (view.all.machines == 0 && curve == curves_.end()) continue;
    if (curve == curves_.end() && curves_.size() >= most_curves) {
      auto oldest = std::min_element(curves_.begin(), curves_.end(), [](const auto& a, const auto& b) {
        return a.second.points().back().at < b.second.points().back().at;
      });
      curves_.erase(oldest);
    }
    if (curves_[id].add(now, view.values())) new_points_[id].push_back(curves_[id].points().back());
  }
  std::erase_if(curves_, [&](const auto& each) { return !views_.contains(each.first); });
}

void FleetModel::look_for_trouble(WallTime now) {
  if (now < examined_ + examine_period && now >= examined_) return;
  examined_ = now;
  auto found = examine(machines_, views_, channels_, tracker_, limits_, now);
  if (found == findings_) return;
  findings_ = std::move(found);
  findings_changed_ = true;
}

const Curve* FleetModel::curve(const ReleaseId& release) const {
  auto found = curves_.find(release);
  return found == curves_.end() ? nullptr : &found->second;
}

std::string FleetModel::rows(const std::set<NodeId>* only) const {
  std::string text = "[";
  auto add = [&](const std::string& row) { text += (text.size() > 1 ? "," : "") + row; };
  if (only == nullptr)
    for (const auto& [id, row] : encoded_) add(row);
  else
    for (const NodeId& id : *only) add(encoded_.at(id));
  return text + "]";
}

Json FleetModel::curves() const {
  Json json = Json::object();
  for (const auto& [id, curve] : curves_) json[overview::key_of(id)] = list(curve.points());
  return json;
}

std::string FleetModel::picture(WallTime now) const {
  Json json{{"now", seconds(now)},          {"fleet", fleet_},    {"channels", channel_list(channels_)}, {"health", list(findings_)},
            {"tracker", to_json(tracker_)}, {"curves", curves()}, {"releases", Json::array()},           {"events", Json::array()}};
  for (const auto& [id, view] : views_) json["releases"].push_back(to_json(view));
  for (const Happening& each : latest(happenings_.all())) json["events"].push_back(to_json(each));
  std::string text = dump(json);
  text.pop_back();
  return text + ",\"machines\":" + rows(nullptr) + "}";
}

std::string FleetModel::changes(WallTime now) {
  Json json = Json::object();
  if (!gone_.empty()) {
    json["gone"] = Json::array();
    for (const NodeId& id : gone_) json["gone"].push_back(id.str());
  }
  if (releases_listed_) {
    json["listed"] = Json::array();
    for (const auto& [id, view] : views_) json["listed"].push_back(overview::key_of(id));
  }
  for (const ReleaseId& id : changed_releases_)
    if (auto view = views_.find(id); view != views_.end()) json["releases"].push_back(to_json(view->second));
  for (const auto& [id, points] : new_points_) json["curves"][overview::key_of(id)] = list(points);
  if (channels_changed_) json["channels"] = channel_list(channels_);
  if (findings_changed_) json["health"] = list(findings_);
  if (tracker_changed_) json["tracker"] = to_json(tracker_);
  for (const Happening& each : latest(happenings_.all()))
    if (each.number > told_happening_) json["events"].push_back(to_json(each));
  const bool nothing = json.empty() && changed_.empty();
  json["now"] = seconds(now);
  std::string text = dump(json);
  if (!changed_.empty()) {
    text.pop_back();
    text += ",\"machines\":" + rows(&changed_) + "}";
  }
  told_happening_ = happenings_.last();
  changed_.clear(), gone_.clear(), changed_releases_.clear(), new_points_.clear();
  releases_listed_ = channels_changed_ = findings_changed_ = tracker_changed_ = false;
  return nothing ? "" : text;
}

Json FleetModel::details(const NodeId& machine) const {
  auto found = machines_.find(machine);
  if (found == machines_.end()) return nullptr;
  Json events = Json::array();
  for (const Happening& each : happenings_.all())
    if (each.machine == machine) events.push_back(to_json(each));
  return {{"links", overview::links_json(found->second)}, {"events", events}};
}

}  // namespace shoal::page
