#include "seeder/watcher.hpp"

#include <condition_variable>

#include "base/guarded.hpp"
#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "seeder/watched_root.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::seconds monitor_interval{1};
constexpr std::chrono::seconds stop_deadline{3};

}  // namespace

/// A root with all that its thread needs, so that a thread that hangs may outlive the watcher.
struct Watcher::Running {
  Running(const WatchRule& rule, const WatchOptions& options, swarm::MemberSession& session, const Signer& signer, cli::Output& out)
      : tracker(session.client(stop.get_token())), root(rule, options, session, *tracker, signer, out, stop.get_token()) {}

  void run() {
    root.run();
    *ended.lock() = true;
    changed.notify_all();
  }
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    auto done = ended.lock();
    return changed.wait_until(done.lock(), deadline, [&] { return *done; });
  }

  std::stop_source stop;
  std::unique_ptr<registry::Client> tracker;
  WatchedRoot root;
  Guarded<bool> ended{false};
  std::condition_variable changed;
};

Watcher::Watcher(const WatchOptions& options, swarm::MemberSession& session, const Signer& signer, cli::Output& out) {
  for (const WatchRule& rule : options.rules) {
    running_.push_back(std::make_shared<Running>(rule, options, session, signer, out));
    threads_.emplace_back([running = running_.back()] { running->run(); });
  }
  monitor_ = std::jthread([this, patience = options.patience](const std::stop_token& stop) {
    while (sleep_for(monitor_interval, stop))
      for (const auto& each : running_) each->root.check_answers(patience);
  });
}

Watcher::~Watcher() { stop(); }

bool Watcher::stop() {
  monitor_ = {};
  for (const auto& each : running_) each->stop.request_stop();
  const auto deadline = std::chrono::steady_clock::now() + stop_deadline;
  bool all = true;
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    if (!threads_[i].joinable()) continue;
    const bool ended = running_[i]->wait_until(deadline);
    if (ended) threads_[i].join();
    else threads_[i].detach();
    all = all && ended;
  }
  if (!all) log::warn("left behind", {{"what", "a thread that waits for a file server that does not answer"}});
  return all;
}

}  // namespace shoal::seeder
