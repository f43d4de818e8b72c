#include "overview/health.hpp"

#include <algorithm>

#include "manifest/validity.hpp"

namespace shoal::overview {
namespace {

constexpr std::chrono::minutes gone_after{5};

class Findings {
 public:
  void error(std::string kind, std::string subject, std::string name, std::string text) {
    all.push_back({Severity::error, std::move(kind), std::move(subject), std::move(name), std::move(text)});
  }
  void warn(std::string kind, std::string subject, std::string name, std::string text) {
    all.push_back({Severity::warning, std::move(kind), std::move(subject), std::move(name), std::move(text)});
  }
  std::vector<Finding> all;
};

/// Certificates are renewed when a third of their life is left.
bool is_late(WallTime until, const HealthLimits& limits, WallTime now) { return until < now + limits.certificate_life / 4; }

/// Publishers and administrators come and go.
bool stays(const registry::MachineRow& row) { return row.role == identity::Role::node || row.role == identity::Role::seeder; }

void examine_key(Findings& findings, const MachineView& machine, const HealthLimits& limits, WallTime now) {
  const auto& row = machine.row;
  const std::string id = row.id.str(), name = machine.shown_name();
  if (row.held_twice) findings.error("key_held_twice", id, name, "two machines hold its key: revoke it, and join it again");
  if (!stays(row)) return;
  if (row.certificate_until <= now) findings.error("certificate_ended", id, name, "its certificate has ended: start it, or remove it");
  else if (is_late(row.certificate_until, limits, now))
    findings.warn("certificate_ends", id, name, "its certificate was not renewed in time: it is off, or cannot reach the tracker");
}

void examine_presence(Findings& findings, const MachineView& machine, WallTime now) {
  const auto& row = machine.row;
  if (!stays(row) || row.certificate_until <= now) return;
  const bool silent = !machine.seen || *machine.seen + gone_after < now;
  if (!silent) return;
  const std::string seen = machine.seen ? "silent since " + format_time(*machine.seen) : "silent since the tracker started";
  if (row.role == identity::Role::seeder)
    findings.error("source_away", row.id.str(), machine.shown_name(), seen + ": nodes get its releases from each other or from mirrors");
  else findings.warn("node_silent", row.id.str(), machine.shown_name(), seen);
}

void examine_channels(Findings& findings, const MachineView& machine) {
  const std::string id = machine.row.id.str(), name = machine.shown_name();
  for (const auto& [channel, failed] : machine.failures)
    findings.error("activation_failed", id, name, channel + " " + failed.version + ": " + failed.reason);
  for (const auto& each : machine.subscriptions)
    if (!each.stall.empty()) findings.warn("stalled", id, name, each.ref().str() + ": " + each.reason);
  if (machine.disk_size > 0 && machine.disk_free < machine.disk_size / 20)
    findings.warn("disk_full", id, name, format_bytes(machine.disk_free) + " left on the file system of its models");
}

/// Failures and silence have findings of their own.
void examine_lag(Findings& findings, const MachineView& machine, const ReleaseViews& releases, const HealthLimits& limits, WallTime now) {
  if (!machine.seen || *machine.seen + gone_after < now) return;
  for (const auto& [release, since] : machine.wanted_since) {
    const auto view = releases.find(release);
    const Standing standing = machine.standing(release);
    if (view == releases.end() || since + limits.lag > now || standing == Standing::complete || standing == Standing::failed) continue;
    const SiteShare& all = view->second.all;
    if (all.complete * 2 < all.machines) continue;
    findings.warn("node_lags", machine.row.id.str(), machine.shown_name(),
                  VersionRef{view->second.facts.model, view->second.facts.version}.str() + ": wanted since " + format_time(since) +
                      ", and " + std::to_string(all.complete) + " of " + std::to_string(all.machines) + " nodes have it");
  }
}

void examine_channel(Findings& findings, const ChannelFacts& channel, WallTime now) {
  const std::string ref = ChannelRef{channel.model, channel.channel}.str();
  if (channel.halted) findings.error("rollout_halted", ref, ref, "too many nodes failed with it: see who, then resume or roll back");
  if (now >= channel.expires)
    findings.error("pointer_expired", ref, ref, "nothing new is activated: renew it with 'shoal channel renew " + ref + "'");
  else if (manifest::ends_soon(channel.expires, now))
    findings.warn("pointer_ends", ref, ref,
                  "its pointer " + manifest::end_text(channel.expires, now) + ": 'shoal channel renew " + ref + "'");
}

void examine_tracker(Findings& findings, const TrackerFacts& tracker, const HealthLimits& limits, WallTime now) {
  if (tracker.certificate_until != WallTime{} && is_late(tracker.certificate_until, limits, now))
    findings.error("tracker_certificate", "", "tracker", "the tracker does not renew its certificate: see its log");
  if (tracker.trust_root_until != WallTime{} && manifest::ends_soon(tracker.trust_root_until, now))
    findings.warn("trust_root_ends", "", "trust root",
                  "it " + manifest::end_text(tracker.trust_root_until, now) + ": 'shoal trust rotate --root-key FILE'");
}

}  // namespace

std::vector<Finding> examine(const Machines& machines, const ReleaseViews& releases, const std::vector<ChannelFacts>& channels,
                             const TrackerFacts& tracker, const HealthLimits& limits, WallTime now) {
  Findings findings;
  examine_tracker(findings, tracker, limits, now);
  for (const ChannelFacts& channel : channels) examine_channel(findings, channel, now);
  for (const auto& [id, machine] : machines) {
    if (machine.row.revoked) continue;
    examine_key(findings, machine, limits, now);
    examine_presence(findings, machine, now);
    examine_channels(findings, machine);
    examine_lag(findings, machine, releases, limits, now);
  }
  auto order = [](const Finding& a, const Finding& b) {
    return std::tie(a.severity, a.kind, a.name, a.subject, a.text) < std::tie(b.severity, b.kind, b.name, b.subject, b.text);
  };
  std::sort(findings.all.begin(), findings.all.end(), order);
  if (findings.all.size() > limits.most_findings) findings.all.resize(limits.most_findings);
  return std::move(findings.all);
}

Json to_json(const Finding& finding) {
  return {{"severity", finding.severity == Severity::error ? "error" : "warning"},
          {"kind", finding.kind},
          {"subject", finding.subject},
          {"name", finding.name},
          {"text", printable(finding.text, 400)}};
}

}  // namespace shoal::overview
