#include "node/control_answers.hpp"

namespace shoal::node {
namespace {

Json limits_json(const Rates& limits) { return {{"type", "limit"}, {"upload_limit", limits.upload}, {"download_limit", limits.download}}; }

}  // namespace

Json to_json(const GcReport& report) {
  Json removed = Json::array(), unfinished = Json::array();
  for (const GcReport::Removed& each : report.removed)
    removed.push_back({{"release", each.release.hex()}, {"title", each.title}, {"bytes", each.bytes}});
  for (const ReleaseId& id : report.unfinished) unfinished.push_back(id.hex());
  return {{"type", "gc"},
          {"dry_run", report.dry_run},
          {"removed", removed},
          {"unfinished", unfinished},
          {"bytes_freed", report.bytes_freed},
          {"bytes_held", report.bytes_held}};
}

ControlServer::Answer answer_with(ControlHandlers handlers, const Clock& clock) {
  return [handlers = std::move(handlers), &clock](const Json& request) -> Result<Json> {
    SHOAL_TRY(const ControlOrder order, read_order(request));
    if (order.command == "status") return to_json(handlers.status(), clock.now());
    if (order.command == "gc") {
      SHOAL_TRY(const GcReport report, handlers.collect(order.dry_run));
      return to_json(report);
    }
    if (order.command == "limit") {
      SHOAL_TRY(const Rates limits, handlers.limit(order));
      return limits_json(limits);
    }
    if (order.command == "pin") {
      SHOAL_CHECK(handlers.pin(order));
      return Json{{"type", "pinned"}};
    }
    if (order.command == "unpin") {
      SHOAL_TRY(const bool was_pinned, handlers.unpin(order.release));
      return Json{{"type", "unpinned"}, {"was_pinned", was_pinned}};
    }
    return fail(ErrorCode::usage, "the running node does not know '" + printable(order.command) + "': it is of another version");
  };
}

}  // namespace shoal::node
