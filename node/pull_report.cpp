#include "node/pull_report.hpp"

#include <algorithm>

namespace shoal::node {

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
  double seconds = std::max(0.001, static_cast<double>(report.took.count()) / 1000);
  auto rate = static_cast<ByteCount>(static_cast<double>(report.bytes) / seconds);
  std::string reused = report.reused > 0 ? ", " + format_bytes(report.reused) + " were here already" : "";
  std::string mirrors = report.from_mirrors > 0 ? ", " + format_bytes(report.from_mirrors) + " from mirrors" : "";
  return report.ref().str() + " verified: " + format_bytes(report.bytes) + " in " + format_duration(report.took) + " (" +
         format_bytes(rate) + "/s), " + format_bytes(report.from_source) + " from the source, " + format_bytes(report.from_peers) +
         " from peers" + mirrors + reused + "\n" + (report.link.empty() ? report.path : report.link).string();
}

}  // namespace shoal::node
