#include "node/agent_view.hpp"

#include "base/wording.hpp"
#include "manifest/validity.hpp"
#include "node/stall_view.hpp"

namespace shoal::node {
namespace {

Json id_json(const std::optional<ReleaseId>& id) { return id ? Json(id->hex()) : Json(); }

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
            {"problem", channel.problem},
            {"note", track.note},
            {"failures", track.failures},
            {"halted", track.halted},
            {"retry_at", track.phase == Phase::failed ? Json(format_time(track.retry_at)) : Json()},
            {"pointer_expires", track.pointer_expires ? Json(format_time(*track.pointer_expires)) : Json()},
            {"pointer_days_left", track.pointer_expires ? Json(manifest::days_left(*track.pointer_expires, now)) : Json()},
            {"pointer_expired", track.pointer_expires && now > *track.pointer_expires}};
  if (!channel.progress) return json;
  const swarm::Progress& progress = *channel.progress;
  json["progress"] = {{"done", progress.done},
                      {"size", progress.size},
                      {"rate", progress.download_rate},
                      {"peers", progress.peers},
                      {"banned", progress.banned},
                      {"from_source", progress.from_source},
                      {"from_peers", progress.from_peers},
                      {"from_mirrors", progress.from_mirrors},
                      {"reused", progress.reused},
                      {"stall", stall_json(progress.stall)}};
  json["progress"].update(transfer_json(channel.transfer));
  return json;
}

/// The same words as during `shoal pull`, from what a running node said.
std::string detail_of(const Json& progress) {
  std::string text;
  if (progress.value("ideal_rate", ByteCount{0}) > 0)
    text += ", " + std::to_string(progress.value("percent_of_ideal", 0U)) + "% of the ideal rate";
  text += ", " + format_bytes(progress.value("from_source", ByteCount{0})) + " from the source, " +
          format_bytes(progress.value("from_peers", ByteCount{0})) + " from peers";
  if (const auto banned = progress.value("banned", 0U); banned > 0) text += ", " + counted(banned, "machine") + " banned for wrong bytes";
  const Json link = progress.value("slowest_link", Json());
  if (!link.is_object()) return text;
  return text + ", slowest link " + format_bytes(link.value("rate", ByteCount{0})) + "/s from " + link.value("peer", "").substr(0, 8);
}

std::string percent_of(const Json& progress) {
  const auto done = progress.value("done", 0.0), size = progress.value("size", 0.0), rate = progress.value("rate", 0.0);
  if (size <= 0) return "";
  const std::string percent = " " + std::to_string(static_cast<int>(100 * done / size)) + " %, ";
  if (const Json stall = progress.value("stall", Json()); stall.is_object()) return percent + stall_text(stall);
  std::string text = percent + format_bytes(static_cast<ByteCount>(rate)) + "/s";
  if (rate > 0 && done < size)
    text += ", " + format_duration(std::chrono::milliseconds(static_cast<std::int64_t>((size - done) / rate * 1000))) + " to go";
  return text + detail_of(progress);
}

/// By its version, or where the release cannot be read any more, by its id.
std::string what_runs(const Json& release, const std::string& version) {
  if (!version.empty()) return "runs " + version;
  return release.is_string() ? "runs release " + release.get<std::string>().substr(0, 12) : "nothing active";
}

/// How long the channel's pointer is good, with a warning towards its end.
std::string pointer_text(const Json& channel) {
  const Json days = channel.value("pointer_days_left", Json());
  if (!days.is_number_integer()) return "";
  const auto left = days.get<std::int64_t>();
  const std::string renewal =
      "a publisher renews it with 'shoal channel renew " + channel.value("model", "") + ":" + channel.value("channel", "") + "'";
  if (channel.value("pointer_expired", false)) return "\n    the channel's pointer has expired, and nothing new is activated: " + renewal;
  const std::string text = "\n    pointer ends in " + std::to_string(left) + (left == 1 ? " day" : " days");
  return left <= manifest::warning_time.count() ? text + ": " + renewal : text;
}

std::string text_of(const Json& channel) {
  const std::string phase = channel.value("phase", ""), active = channel.value("active_version", ""),
                    wanted = channel.value("wanted_version", "");
  std::string text = "\n  " + channel.value("model", "") + ":" + channel.value("channel", "") + "  ";
  text += what_runs(channel.value("active", Json()), active);
  if (phase != "active" && phase != "idle") text += ", " + phase + (wanted.empty() ? "" : " " + wanted);
  if (channel.contains("progress") && phase == "fetching") text += percent_of(channel["progress"]);
  for (const char* why : {"reason", "problem", "note"})
    if (std::string said = channel.value(why, ""); !said.empty()) text += "\n    " + said;
  text += pointer_text(channel);
  if (channel.value("retry_at", Json()).is_string()) text += "\n    tried again at " + channel["retry_at"].get<std::string>();
  return text;
}

}  // namespace

Json to_json(const AgentView& view, WallTime now) {
  Json channels = Json::array();
  for (const ChannelView& channel : view.channels) channels.push_back(to_json(channel, now));
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

registry::NodeReport report_of(const AgentView& view, const std::string& software) {
  registry::NodeReport report{software, {}};
  for (const ChannelView& channel : view.channels) {
    const Track& track = channel.track;
    const swarm::Progress progress = channel.progress.value_or(swarm::Progress{});
    report.subscriptions.push_back({channel.key.model, channel.key.channel, std::string(name(track.phase)), track.wanted, track.active,
                                    track.wanted_version, track.active_version, why(channel), progress.done, progress.size,
                                    stall_name(channel), track.pointer_expires, track.phase == Phase::failed ? track.tried : std::nullopt});
  }
  return report;
}

std::string service_status(const AgentView& view) {
  std::size_t active = 0, failed = 0;
  for (const ChannelView& channel : view.channels) {
    active += channel.track.phase == Phase::active ? 1 : 0;
    failed += channel.track.phase == Phase::failed ? 1 : 0;
  }
  std::string text = "port " + std::to_string(view.port) + ", follows " + std::to_string(view.channels.size()) +
                     " channels: " + std::to_string(active) + " active, " + std::to_string(failed) + " failed; serves " +
                     std::to_string(view.serving) + " releases";
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
  page.gauge("shoal_failures_in_a_row", "Failed attempts since the last success, summed over all channels.", failures);
  page.gauge("shoal_tracker_reachable", "1 while the tracker answers, else 0.", view.tracker.problem.empty() ? 1 : 0);
  page.gauge("shoal_clock_suspect", "1 while this machine's clock is behind the time of a signed document, else 0.",
             view.clock_suspect ? 1 : 0);
}

std::string status_text(const Json& view) {
  std::string text = "a node runs here on port " + std::to_string(view.value("listen", 0)) + " and serves " +
                     std::to_string(view.value("serving", 0)) + " releases";
  if (std::string problem = view.value("tracker_problem", ""); !problem.empty()) text += "\ntracker: " + problem;
  if (!view.value("fresh", true)) text += "\nno fresh statement of the tracker: nothing new is activated until there is one";
  if (view.value("clock_suspect", false)) text += "\nthe clock of this machine is behind documents that were signed: set it";
  const std::string channels = subscriptions_text(view);
  return text + (channels.empty() ? "\nfollows no channel yet: 'shoal follow org/name:main'" : channels);
}

std::string subscriptions_text(const Json& view) {
  std::string text;
  for (const Json& channel : view.value("subscriptions", Json::array())) text += text_of(channel);
  return text;
}

}  // namespace shoal::node
