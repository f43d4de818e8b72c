// The work that other commands have a running node do on its state directory: `shoal pull` and `shoal verify --repair`.
#include <algorithm>

#include "base/log.hpp"
#include "member/trust_chain.hpp"
#include "node/admission.hpp"
#include "node/agent.hpp"
#include "node/pull_report.hpp"

namespace shoal::node {

ControlServer::Works Agent::works() {
  using Work = std::function<Status(const ControlOrder&, cli::Output&, const ControlServer::Say&, const std::stop_token&)>;
  const auto serve = [](Work work) {
    return [work = std::move(work)](const Json& request, const ControlServer::Say& say, const std::stop_token& stop) -> Status {
      SHOAL_TRY(const ControlOrder order, read_order(request));
      cli::Output::Options options;
      options.relay = say;
      cli::Output out(std::move(options));
      return work(order, out, say, stop);
    };
  };
  return {{"pull", serve([this](const auto& order, auto& out, const auto& say, const auto& stop) { return pull(order, out, say, stop); })},
          {"repair", serve([this](const auto& order, auto& out, const auto&, const auto& stop) { return repair(order, out, stop); })}};
}

Status Agent::pull(const ControlOrder& order, cli::Output& out, const ControlServer::Say& say, const std::stop_token& stop) {
  const SteadyTime started = clock_.steady_now();
  const bool allow_code = order.allow_code_formats || options_.allow_code_formats;
  SHOAL_TRY(const Reference reference, parse_reference(order.reference));
  const auto tracker = session_.client(stop);
  SHOAL_CHECK(member::follow_trust_roots(session_, *tracker));
  SHOAL_TRY(const Wanted wanted, Resolver(*tracker, *session_.verifier(), shelf_, clock_).resolve(reference));
  auto placed = orders_.place({reference, wanted.release.id(), wanted.release->version, allow_code});
  auto report = bring(wanted, allow_code, *placed->news, say, stop);
  if (!report && stop.stop_requested()) {
    placed.reset();
    return interrupted(wanted.release);
  }
  if (!report) return std::move(report).error();
  SHOAL_TRY(const bool shown, on_loop<bool>([this, reference, wanted] { return show_pulled(reference, wanted); }, patience()));
  if (shown) report->link = shelf_.link(reference);
  else out.message(reference.str() + " is followed here: the node switches to it by itself, with its hooks");
  report->took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - started);
  out.result(complete_line(*report), complete_text(*report));
  return {};
}

/// Waits until the agent has the release on its shelf and serves it.
Result<PullReport> Agent::bring(const Wanted& wanted, bool allow_code_formats, OrderNews& news, const ControlServer::Say& say,
                                const std::stop_token& stop) {
  const ReleaseId id = wanted.release.id();
  auto begin = [this, id]() -> Result<bool> {
    if (served_.contains(id)) return true;
    deliver_orders();
    return false;
  };
  SHOAL_TRY(const bool here, on_loop<bool>(begin, patience()));
  if (here) return already_here(wanted, allow_code_formats);
  auto outcome = news.wait(say, stop);
  if (!outcome) return fail(ErrorCode::interrupted, "interrupted");
  SHOAL_TRY(const Delivered delivered, std::move(*outcome));
  return delivered.report;
}

/// It may have come with another consent than today's.
Result<PullReport> Agent::already_here(const Wanted& wanted, bool allow_code_formats) const {
  const fs::path path = shelf_.release(wanted.release.id());
  SHOAL_CHECK(admit_formats(wanted.release, allow_code_formats));
  SHOAL_CHECK(admit_content(wanted.release, path, allow_code_formats));
  PullReport report{wanted.release.id(), wanted.release->model, wanted.release->version, path};
  report.bytes = wanted.release->total_size();
  return report;
}

void Agent::deliver_orders() {
  for (const PullOrders::Order& order : orders_.all())
    if (!served_.contains(order.release)) deliveries_->begin(order.reference.model, order.release, order.allow_code_formats);
}

/// True where the link of what was asked for points at the release. That of a followed channel moves with its hooks only.
Result<bool> Agent::show_pulled(const Reference& reference, const Wanted& wanted) {
  if (!reference.version && find({reference.model, reference.channel}) != nullptr) {
    const auto linked = shelf_.linked(reference);
    return linked.ok() && *linked == wanted.release.id();
  }
  if (wanted.pointer) SHOAL_CHECK(shelf_.record_seen(**wanted.pointer));
  SHOAL_CHECK(shelf_.switch_to(reference, wanted.release.id()));
  return true;
}

/// For a command that does not wait any more: what becomes of the fetch.
Error Agent::interrupted(const manifest::VerifiedRelease& release) {
  const std::string kept = "; what was fetched is kept, and the same command goes on from there";
  auto leave = [this, id = release.id()]() -> Result<std::string> {
    drop_unwanted_deliveries();
    return who_goes_on(id);
  };
  const auto others = on_loop<std::string>(leave, patience());
  if (!others) return fail("the running node is ending" + kept);
  if (others->empty()) return fail(ErrorCode::interrupted, "interrupted: the node stopped fetching " + title(*release) + kept);
  return fail(ErrorCode::interrupted, "interrupted: the node goes on fetching " + title(*release) + " for " + *others);
}

std::string Agent::who_goes_on(const ReleaseId& id) const {
  if (!deliveries_->is_under_way(id)) return "";
  for (const auto& [key, channel] : channels_)
    if (channel.wants(id)) return key.str() + ", which it follows";
  return orders_.wants(id) ? "another command" : "";
}

Status Agent::repair(const ControlOrder& order, cli::Output& out, const std::stop_token& stop) {
  SHOAL_TRY(const auto all, examine(session_, {order.reference, ""}, out, stop));
  const auto tracker = session_.client(stop);
  for (const Examined& examined : all) {
    if (examined.problems.empty()) continue;
    SHOAL_CHECK(tracker->release(examined.release.id()).within("cannot repair " + title(*examined.release)));
    SHOAL_CHECK(repair_one(examined, out, stop));
  }
  return {};
}

Status Agent::repair_one(const Examined& damaged, cli::Output& out, const std::stop_token& stop) {
  const ReleaseId id = damaged.release.id();
  SHOAL_CHECK(stop_serving_for_repair(id));
  Status repaired = Repairer(session_, *node_, out, stop).repair(damaged);
  serve_repaired(id);
  return repaired;
}

Status Agent::stop_serving_for_repair(const ReleaseId& id) {
  auto note = [this, id]() -> Result<bool> {
    if (repairing_.insert(id).second) return true;
    return fail(ErrorCode::conflict, title_on_disk(shelf_, id) + " is being repaired for another command: wait until that has ended");
  };
  SHOAL_CHECK(on_loop<bool>(note, patience()));
  node_->contents().forget(id);
  return {};
}

void Agent::serve_repaired(const ReleaseId& id) {
  auto content = shelved(session_, shelf_, id);
  const Status served = content.ok() ? node_->contents().keep(id, std::move(content).value()) : Status(content.error());
  if (!served.ok()) log::warn("release_not_served", {{"release", id.hex()}, {"reason", served.error().message}});
  tasks_.post([this, id] { repairing_.erase(id); });
}

}  // namespace shoal::node
