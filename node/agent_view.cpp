#include "node/agent_view.hpp"

#include "base/encoding.hpp"
#include "base/wording.hpp"
#include "manifest/validity.hpp"
#include "node/stall_view.hpp"

namespace shoal::node {
namespace {

Json id_json(const std::optional<ReleaseId>& id) { return id ? Json(id->hex()) : Json(); }

Json progress_json(const swarm::Progress& progress, const TransferFacts& transfer) {
  Json json{{"done", progress.done},
            {"size", progress.size},
            {"rate", progress.download_rate},
            {"peers", progress.peers},
            {"banned", progress.banned},
            {"from_source", progress.from_source},
            {"from_peers", progress.from_peers},
            {"from_mirrors", progress.from_mirrors},
            {"reused", progress.reused},
            {"stall", stall_json(progress.stall)}};
  json.update(transfer_json(transfer));
  return json;
}

Json to_json(const ChannelView& channel, WallTime now) {
  const Track& track = channel.track;
  Json json{{"model", channel.key.model.str()},
            {"channel", channel.key.channel.str()},
            {"phase", std::string(name(track.phase))},
            {"wanted", id_json(track.wanted)},
            {"wanted_version", track.wanted_version},
            {"active", id_json(track.active)},
            {"active_version", track.active_version},
            {"previous", id_json(track.previous)},
            {"path", channel.path.string()},
            {"reason", track.reason},
            {"failure", track.failure},
            {"problem", channel.problem},
            {"note", track.note},
            {"failures", track.failures},
            {"halted", track.halted},
            {"retry_at", track.phase == Phase::failed ? Json(format_time(track.retry_at)) : Json()},
            {"pointer_expires", track.pointer_expires ? Json(format_time(*track.pointer_expires)) : Json()},
            {"pointer_days_left", track.pointer_expires ? Json(manifest::days_left(*track.pointer_expires, now)) : Json()},
            {"pointer_expired", track.pointer_expires && now > *track.pointer_expires}};
  if (channel.progress) json["progress"] = progress_json(*channel.progress, channel.transfer);
  return json;
}

Json to_json(const PullView& pull) {
  Json json{
      {"reference", pull.reference}, {"model", pull.ref.model.str()}, {"version", pull.ref.version.str()}, {"release", pull.release.hex()}};
  if (pull.progress) json["progress"] = progress_json(*pull.progress, pull.transfer);
  return json;
}

}  // namespace

Json to_json(const AgentView& view, WallTime now) {
  Json channels = Json::array(), pulls = Json::array();
  for (const ChannelView& channel : view.channels) channels.push_back(to_json(channel, now));
  for (const PullView& pull : view.pulls) pulls.push_back(to_json(pull));
  const bool fresh = !view.tracker.statements || (view.tracker.fresh_until && now < *view.tracker.fresh_until);
  return {{"type", "node"},
          {"running", true},
          {"listen", view.port},
          {"serving", view.serving},
          {"tracker_problem", view.tracker.problem},
          {"fresh", fresh},
          {"fresh_until", view.tracker.fresh_until ? Json(format_time(*view.tracker.fresh_until)) : Json()},
          {"clock_suspect", view.clock_suspect},
          {"certificate_until", format_time(view.certificate_until)},
          {"certificate_seconds_left", (view.certificate_until - now).count()},
          {"trust_root_expires", format_time(view.trust_root_until)},
          {"trust_root_days_left", manifest::days_left(view.trust_root_until, now)},
          {"upload_limit", view.limits.upload},
          {"download_limit", view.limits.download},
          {"quota", view.quota},
          {"pulls", pulls},
          {"subscriptions", channels}};
}

namespace {

/// What keeps a fetch from going on, when it is stalled.
fanout::StallReason stalled_by(const ChannelView& channel) {
  const bool stalled = channel.progress && channel.progress->stall.stalled;
  return stalled ? channel.progress->stall.reason : fanout::StallReason::none;
}

/// In one line for the tracker: what is in the way, else what the pointer says. Without what changes all the time, or each report would be
/// news.
std::string why(const ChannelView& channel) {
  if (!channel.track.reason.empty()) return channel.track.reason;
  if (!channel.problem.empty()) return channel.problem;
  if (const auto reason = stalled_by(channel); reason != fanout::StallReason::none) return "stalled: " + std::string(words(reason));
  return channel.track.note;
}

/// Its name, as it is reported.
std::string stall_name(const ChannelView& channel) {
  const auto reason = stalled_by(channel);
  return reason == fanout::StallReason::none ? "" : std::string(name(reason));
}

}  // namespace

registry::TransferReport report_of(const TransferOf& transfer) {
  const swarm::Progress& progress = transfer.progress;
  registry::TransferReport report;
  report.release = transfer.release;
  report.done = progress.done;
  report.size = progress.size;
  report.from_source = progress.from_source;
  report.from_peers = progress.from_peers;
  report.from_mirrors = progress.from_mirrors;
  report.reused = progress.reused;
  report.sent = progress.sent;
  report.rate = progress.complete ? 0 : transfer.facts.rate;
  report.peers = progress.peers;
  report.percent_of_ideal = transfer.facts.percent_of_ideal;
  if (transfer.facts.left) report.seconds_left = static_cast<std::uint64_t>(transfer.facts.left->count());
  if (progress.stall.stalled && progress.stall.reason != fanout::StallReason::none) report.stall = name(progress.stall.reason);
  for (const ActiveLink& link : transfer.facts.links) report.links.push_back({link.peer, link.source, link.rate, link.round_trip});
  return report;
}

registry::NodeReport report_of(const AgentView& view, const std::string& software) {
  registry::NodeReport report{software, {}};
  for (const ChannelView& channel : view.channels) {
    const Track& track = channel.track;
    const swarm::Progress progress = channel.progress.value_or(swarm::Progress{});
    report.subscriptions.push_back({channel.key.model, channel.key.channel, std::string(name(track.phase)), track.wanted, track.active,
                                    track.wanted_version, track.active_version, why(channel), progress.done, progress.size,
                                    stall_name(channel), track.pointer_expires, track.phase == Phase::failed ? track.tried : std::nullopt});
  }
  for (const TransferOf& transfer : view.transfers)
    if (report.transfers.size() < registry::NodeReport::most_transfers) report.transfers.push_back(report_of(transfer));
  report.disk_free = view.disk_free;
  report.disk_size = view.disk_size;
  return report;
}

std::string service_status(const AgentView& view) {
  std::size_t active = 0, failed = 0;
  for (const ChannelView& channel : view.channels) {
    active += channel.track.phase == Phase::active ? 1 : 0;
    failed += channel.track.phase == Phase::failed ? 1 : 0;
  }
  std::string text = "port " + std::to_string(view.port) + ", follows " + counted(view.channels.size(), "channel") + ": " +
                     std::to_string(active) + " active, " + std::to_string(failed) + " failed; serves " + counted(view.serving, "release");
  if (!view.pulls.empty()) text += "; " + counted(view.pulls.size(), "pull");
  return text + (view.tracker.problem.empty() ? "" : "; tracker: " + view.tracker.problem);
}

namespace {

/// What a fleet has to renew from time to time.
void describe_ends(metrics::Page& page, const AgentView& view, WallTime now) {
  std::optional<WallTime> soonest;
  for (const ChannelView& channel : view.channels)
    if (const auto& until = channel.track.pointer_expires) soonest = std::min(soonest.value_or(*until), *until);
  if (soonest)
    page.gauge("shoal_pointer_seconds_left", "Seconds until the first channel pointer expires that this machine follows, renews or holds.",
               static_cast<double>((*soonest - now).count()));
  page.gauge("shoal_trust_root_seconds_left", "Seconds until the trust root expires that this machine knows.",
             static_cast<double>((view.trust_root_until - now).count()));
}

}  // namespace

namespace {

/// The reason is a label, so that an alert can show it; a channel has one at a time.
void describe_failures(metrics::Page& page, const AgentView& view) {
  constexpr std::size_t shown = 200;
  std::vector<metrics::Sample> samples;
  for (const ChannelView& channel : view.channels)
    if (const std::string& failure = channel.track.failure; !failure.empty())
      samples.push_back({{{"channel", channel.key.str()}, {"reason", printable(failure, shown)}}, 1});
  page.gauge("shoal_channel_failure", "1 for each channel whose last try failed, with the reason.", samples);
}

}  // namespace

void describe_node(metrics::Page& page, const AgentView& view, WallTime now) {
  describe_ends(page, view, now);
  std::map<Phase, double> phases;
  for (const Phase phase : {Phase::idle, Phase::wanted, Phase::admitted, Phase::fetching, Phase::verified, Phase::ready, Phase::activating,
                            Phase::active, Phase::failed})
    phases[phase] = 0;
  double failures = 0;
  for (const ChannelView& channel : view.channels) {
    ++phases[channel.track.phase];
    failures += channel.track.failures;
  }
  std::vector<metrics::Sample> samples;
  for (const auto& [phase, count] : phases) samples.push_back({{{"state", std::string(name(phase))}}, count});
  page.gauge("shoal_releases", "Releases wanted by followed channels, by phase.", samples);
  page.gauge("shoal_releases_served", "Releases that this machine serves to others.", static_cast<double>(view.serving));
  describe_failures(page, view);
  page.gauge("shoal_failures_in_a_row", "Failed attempts since the last success, summed over all channels.", failures);
  page.gauge("shoal_tracker_reachable", "1 while the tracker answers, else 0.", view.tracker.problem.empty() ? 1 : 0);
  page.gauge("shoal_clock_suspect", "1 while this machine's clock is behind the time of a signed document, else 0.",
             view.clock_suspect ? 1 : 0);
}

}  // namespace shoal::node
