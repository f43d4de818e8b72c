#include "node/pull_reporter.hpp"

#include "base/shutdown.hpp"
#include "node/agent_view.hpp"

namespace shoal::node {
namespace {

constexpr std::chrono::milliseconds look_period{1000};
constexpr std::chrono::milliseconds last_word{1000};

}  // namespace

PullReporter::PullReporter(member::MemberSession& session, Node& node, ReleaseId release, InfoHash content, std::string software)
    : session_(session), node_(node), release_(release), content_(content), software_(std::move(software)), reporter_(session) {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    do look();
    while (sleep_for(look_period, stop));
  });
}

PullReporter::~PullReporter() { thread_.request_stop(); }

void PullReporter::complete() {
  look();
  reporter_.settle(last_word);
}

void PullReporter::look() {
  const auto progress = node_.swarm().progress(content_);
  registry::NodeReport report{software_, {}};
  if (progress) report.transfers.push_back(report_of({release_, *progress, node_.transfer(content_)}));
  if (auto space = disk_space(session_.state()); space.ok()) {
    report.disk_free = space->free;
    report.disk_size = space->size;
  }
  reporter_.update(std::move(report));
}

}  // namespace shoal::node
