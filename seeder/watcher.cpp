#include "seeder/watcher.hpp"

#include <algorithm>

#include "base/shutdown.hpp"
#include "seeder/watched_root.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::seconds monitor_interval{1};

}  // namespace

/// A root with all that its thread needs, so that a thread that hangs may outlive the watcher.
struct Watcher::Running {
  Running(const WatchRule& what, const WatchOptions& options, member::MemberSession& session, const publisher::Signer& signer,
          cli::Output& out)
      : rule(what),
        poll(options.poll),
        tracker(session.client(stop.get_token())),
        root(rule, options, session, *tracker, signer, out, stop.get_token()) {}

  const WatchRule rule;
  const std::chrono::milliseconds poll;
  std::stop_source stop;
  std::unique_ptr<registry::Client> tracker;
  WatchedRoot root;
};

Watcher::Watcher(member::MemberSession& session, cli::Output& out) : session_(session), out_(out) {
  monitor_ = std::jthread([this](const std::stop_token& stop) {
    while (sleep_for(monitor_interval, stop)) check_answers();
  });
}

Watcher::~Watcher() { stop(DetachableThread::usual_deadline()); }

void Watcher::follow(const WatchOptions& options, const std::optional<publisher::Signer>& signer) {
  state_.with([&](State& state) {
    state.patience = options.patience;
    std::erase_if(state.rules, [](const Rule& rule) { return rule.leaving && rule.thread.ended(); });
    std::vector<WatchRule> fresh = options.rules;
    for (Rule& rule : state.rules) {
      if (rule.leaving) continue;
      const bool stays = rule.running->poll == options.poll && std::erase(fresh, rule.running->rule) > 0;
      rule.leaving = !stays;
      if (!stays) rule.thread.request_stop();
    }
    for (const WatchRule& rule : fresh) begin(state, rule, std::make_shared<Running>(rule, options, session_, signer.value(), out_));
  });
}

/// Behind those of the same root that are still about to end: two must not publish one directory.
void Watcher::begin(State& state, const WatchRule& rule, std::shared_ptr<Running> running) {
  std::vector<DetachableThread::Ended> before;
  for (const Rule& other : state.rules)
    if (other.leaving && other.running->rule.root == rule.root) before.push_back(other.thread.waiter());
  DetachableThread thread("a file server that does not answer", running->stop,
                          [running, before = std::move(before)](const std::stop_token& stop) {
                            if (std::all_of(before.begin(), before.end(), [&](const auto& wait) { return wait(stop); }))
                              running->root.run();
                          });
  state.rules.push_back({std::move(running), std::move(thread)});
}

void Watcher::check_answers() {
  state_.with([](State& state) {
    for (const Rule& rule : state.rules)
      if (!rule.leaving) rule.running->root.check_answers(state.patience);
  });
}

WatchCounts Watcher::counts() const {
  return state_.with([](const State& state) {
    WatchCounts sum;
    for (const Rule& rule : state.rules)
      if (!rule.leaving) sum.add(rule.running->root.counts());
    return sum;
  });
}

void Watcher::request_stop() {
  state_.with([](State& state) {
    for (Rule& rule : state.rules) rule.thread.request_stop();
  });
}

bool Watcher::stop(std::chrono::steady_clock::time_point deadline) {
  monitor_ = {};
  request_stop();
  return state_.with([&](State& state) {
    bool all = true;
    for (Rule& rule : state.rules) all = rule.thread.end(deadline) && all;
    state.rules.clear();
    return all;
  });
}

}  // namespace shoal::seeder
