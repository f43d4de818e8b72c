#include "node/reporter.hpp"

#include "base/log.hpp"
#include "base/shutdown.hpp"

namespace shoal::node {
namespace {

constexpr std::chrono::seconds interval{30};
constexpr std::chrono::seconds shortest{1};  // between two reports

}  // namespace

std::string lasting_part(registry::NodeReport report) {
  for (auto& each : report.subscriptions) each.done = 0;
  return encode(report);
}

Reporter::Reporter(member::MemberSession& session) : client_(session.client(ending_.get_token())) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Reporter::~Reporter() {
  ending_.request_stop();
  thread_.request_stop();
}

void Reporter::update(registry::NodeReport report) {
  std::lock_guard lock(mutex_);
  report_ = std::move(report);
  if (lasting_part(report_) != told_) changed_.notify_one();
}

void Reporter::note_told(const registry::NodeReport& report) {
  std::lock_guard lock(mutex_);
  told_ = lasting_part(report);
}

void Reporter::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    registry::NodeReport report;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, interval, [&] { return lasting_part(report_) != told_; });
      if (stop.stop_requested()) return;
      report = report_;
    }
    Status told = client_->report(report);
    if (told.ok()) note_told(report);
    else log::debug("report_failed", {{"reason", told.error().message}});
    (void)sleep_for(told.ok() ? shortest : shortest * 5, stop);
  }
}

}  // namespace shoal::node
