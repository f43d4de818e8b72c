// The lines of `shoal status` about a node, from what agent_view.cpp made of it.
#include <algorithm>

#include "base/wording.hpp"
#include "manifest/validity.hpp"
#include "node/agent_view.hpp"
#include "node/stall_view.hpp"

namespace shoal::node {
namespace {

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
  const std::string text = "\n    pointer ends in " + counted(static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0)), "day");
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

std::string pull_text(const Json& pull) {
  return "\n  pulling " + pull.value("reference", "") + percent_of(pull.value("progress", Json::object()));
}

std::string limit_text(const Json& view, const char* direction) {
  const auto rate = view.value(direction, ByteCount{0});
  return rate == 0 ? "unlimited" : "limited to " + format_bytes(rate) + "/s";
}

}  // namespace

std::string status_text(const Json& view) {
  std::string text = "a node runs here on port " + std::to_string(view.value("listen", 0)) + " and serves " +
                     counted(view.value("serving", 0U), "release") + "; upload " + limit_text(view, "upload_limit") + ", download " +
                     limit_text(view, "download_limit");
  if (const auto quota = view.value("quota", ByteCount{0}); quota > 0) text += ", quota " + format_bytes(quota);
  if (std::string problem = view.value("tracker_problem", ""); !problem.empty()) text += "\ntracker: " + problem;
  if (!view.value("fresh", true)) text += "\nno fresh statement of the tracker: nothing new is activated until there is one";
  if (view.value("clock_suspect", false)) text += "\nthe clock of this machine is behind documents that were signed: set it";
  for (const Json& pull : view.value("pulls", Json::array())) text += pull_text(pull);
  const std::string channels = subscriptions_text(view);
  return text + (channels.empty() ? "\nfollows no channel yet: 'shoal follow org/name:main'" : channels);
}

std::string subscriptions_text(const Json& view) {
  std::string text;
  for (const Json& channel : view.value("subscriptions", Json::array())) text += text_of(channel);
  return text;
}

}  // namespace shoal::node
