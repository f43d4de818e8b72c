#include "node/reporter.hpp"

#include <algorithm>
#include <cstring>

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "crypto/digest.hpp"

namespace shoal::node {
namespace {

constexpr std::chrono::seconds interval{30};
constexpr std::chrono::seconds shortest{1};  // between two reports

/// Not 0, which stands for none.
std::uint64_t draw_run() {
  std::uint64_t run = 0;
  std::memcpy(&run, crypto::random_bytes(sizeof run).data(), sizeof run);
  return (run >> 12) | 1;  // exact in a double, for readers of JSON that have no other numbers
}

}  // namespace

std::string lasting_part(registry::NodeReport report) {
  for (auto& each : report.subscriptions) each.done = 0;
  report.disk_free = report.disk_size = 0;
  for (auto& each : report.transfers) {
    registry::TransferReport lasting;
    lasting.release = each.release;
    lasting.done = lasting.size = each.complete() ? 1 : 0;
    each = std::move(lasting);
  }
  return encode(report);
}

Reporter::Reporter(member::MemberSession& session) : run_(draw_run()), client_(session.client(ending_.get_token())) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Reporter::~Reporter() {
  ending_.request_stop();
  thread_.request_stop();
}

void Reporter::update(registry::NodeReport report) {
  std::lock_guard lock(mutex_);
  report_ = std::move(report);
  report_.run = run_;
  if (lasting_part(report_) != told_) changed_.notify_all();
}

void Reporter::settle(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return failed_ || lasting_part(report_) == told_; });
}

void Reporter::note(const registry::NodeReport& report, const Result<registry::ReportReply>& told) {
  std::lock_guard lock(mutex_);
  failed_ = !told.ok();
  if (told.ok()) {
    told_ = lasting_part(report);
    wanted_ = std::clamp(told->again, shortest, interval);
  }
  changed_.notify_all();
}

/// Under the lock.
std::chrono::seconds Reporter::pause() const {
  const auto moves = [](const registry::TransferReport& each) { return !each.complete(); };
  return std::any_of(report_.transfers.begin(), report_.transfers.end(), moves) ? wanted_ : interval;
}

void Reporter::run(const std::stop_token& stop) {
  SteadyTime last = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    registry::NodeReport report;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, stop, last + pause(), [&] { return lasting_part(report_) != told_; });
      if (stop.stop_requested()) return;
      report = report_;
    }
    auto told = client_->report(report);
    last = std::chrono::steady_clock::now();
    note(report, told);
    if (!told.ok()) log::debug("report_failed", {{"reason", told.error().message}});
    (void)sleep_for(told.ok() ? shortest : shortest * 5, stop);
  }
}

}  // namespace shoal::node
