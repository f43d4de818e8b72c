#include "tracker/page/happenings.hpp"

#include <algorithm>

namespace shoal::page {
namespace {

constexpr std::size_t longest_text = 300;

const registry::SubscriptionReport* find(const MachineView& machine, const registry::SubscriptionReport& like) {
  for (const auto& each : machine.subscriptions)
    if (each.model == like.model && each.channel == like.channel) return &each;
  return nullptr;
}

std::string text_of(const registry::SubscriptionReport& each) {
  const std::string& version = each.phase == "active" || each.wanted_version.empty() ? each.active_version : each.wanted_version;
  std::string text = each.ref().str() + (version.empty() ? "" : " " + version);
  return each.reason.empty() ? text : text + ": " + each.reason;
}

/// The phases of its channel tell how far it is.
bool follows(const MachineView& machine, const ReleaseId& release) {
  return std::any_of(machine.subscriptions.begin(), machine.subscriptions.end(),
                     [&](const auto& each) { return each.wanted == release || each.active == release; });
}

}  // namespace

void Happenings::begin(const MachineView& machine, WallTime now) {
  for (const auto& each : machine.subscriptions)
    if (each.phase != "active" && each.phase != "idle") add(machine.row.id, each.phase, text_of(each), now);
}

void Happenings::compare(const MachineView& before, const MachineView& after, WallTime now) {
  for (const auto& each : after.subscriptions) {
    const registry::SubscriptionReport* earlier = find(before, each);
    if (earlier == nullptr || earlier->phase != each.phase || earlier->wanted != each.wanted)
      add(after.row.id, each.phase, text_of(each), now);
    else if (earlier->stall.empty() && !each.stall.empty()) add(after.row.id, "stalled", text_of(each), now);
  }
  for (const auto& [release, transfer] : after.transfers) {
    const auto earlier = before.transfers.find(release);
    const bool was_complete = earlier != before.transfers.end() && earlier->second.complete();
    if (transfer.complete() && !was_complete && !follows(after, release))
      add(after.row.id, "complete", "release " + overview::key_of(release), now);
  }
}

void Happenings::add(const NodeId& machine, std::string kind, std::string text, WallTime now) {
  all_.push_back({++last_, now, machine, std::move(kind), printable(text, longest_text)});
  if (all_.size() > most) all_.pop_front();
}

void Happenings::forget_old(WallTime now) {
  while (!all_.empty() && all_.front().at + life < now) all_.pop_front();
}

Json to_json(const Happening& happening) {
  return {{"n", happening.number},
          {"t", happening.at.time_since_epoch().count()},
          {"id", happening.machine.str()},
          {"kind", happening.kind},
          {"text", happening.text}};
}

}  // namespace shoal::page
