#include "node/pull_report.hpp"

#include <algorithm>

namespace shoal::node {

namespace {

/// The path to use comes last. A link of a channel moves with the channel, so the files of this version are named besides.
std::string places_text(const PullReport& report) {
  if (report.link.empty()) return "\n" + report.path.string();
  return "\nthis version stays in " + report.path.string() + "\n" + report.link.string();
}

}  // namespace

Json complete_line(const PullReport& report) {
  return {{"type", "complete"},
          {"model", report.model.str()},
          {"version", report.version.str()},
          {"release", report.id.hex()},
          {"path", report.path.string()},
          {"link", report.link.empty() ? Json() : Json(report.link.string())},
          {"seconds", static_cast<double>(report.took.count()) / 1000},
          {"bytes", report.bytes},
          {"bytes_from_source", report.from_source},
          {"bytes_from_peers", report.from_peers},
          {"bytes_from_mirrors", report.from_mirrors},
          {"bytes_reused", report.reused}};
}

std::string complete_text(const PullReport& report) {
  // In less than a second most of the time is not the transfer's.
  const auto milliseconds = static_cast<ByteCount>(report.took.count());
  const std::string rate = milliseconds < 1000 ? "" : " (" + format_bytes(report.bytes * 1000 / milliseconds) + "/s)";
  std::string reused = report.reused > 0 ? ", " + format_bytes(report.reused) + " were here already" : "";
  std::string mirrors = report.from_mirrors > 0 ? ", " + format_bytes(report.from_mirrors) + " from mirrors" : "";
  return report.ref().str() + " verified: " + format_bytes(report.bytes) + " in " + format_duration(report.took) + rate + ", " +
         format_bytes(report.from_source) + " from the source, " + format_bytes(report.from_peers) + " from peers" + mirrors + reused +
         places_text(report);
}

}  // namespace shoal::node
