#include "seeder/joiner.hpp"

#include <algorithm>

#include "base/shutdown.hpp"
#include "seeder/joined_directory.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::seconds monitor_interval{1};
constexpr std::size_t most_hashing = 4;
constexpr std::chrono::seconds turn_patience{10};

}  // namespace

/// A directory with all that its thread needs, so that a thread that hangs may outlive the joiner.
struct Joiner::Running {
  Running(const JoinRule& what, JoinTools tools, member::MemberSession& session, cli::Output& out)
      : rule(what),
        tracker(session.client(stop.get_token())),
        directory(rule, std::move(tools), session, *tracker, out, stop.get_token()) {}

  const JoinRule rule;
  std::stop_source stop;
  std::unique_ptr<registry::Client> tracker;
  JoinedDirectory directory;
};

Joiner::Joiner(member::MemberSession& session, cli::Output& out)
    : session_(session), out_(out), turns_(std::make_shared<HashTurns>(most_hashing, turn_patience)) {
  monitor_ = std::jthread([this](const std::stop_token& stop) {
    while (sleep_for(monitor_interval, stop)) check_answers();
  });
}

Joiner::~Joiner() { stop(DetachableThread::usual_deadline()); }

void Joiner::follow(const JoinOptions& options) {
  state_.with([&](State& state) {
    state.patience = options.patience;
    std::erase_if(state.rules, [](const Rule& rule) { return rule.leaving && rule.thread.ended(); });
    std::vector<JoinRule> fresh = options.rules;
    for (Rule& rule : state.rules) {
      if (rule.leaving || std::erase(fresh, rule.running->rule) > 0) continue;
      rule.leaving = true;
      rule.thread.request_stop();
    }
    for (const JoinRule& rule : fresh) begin(state, rule, options);
  });
}

void Joiner::begin(State& state, const JoinRule& rule, const JoinOptions& options) {
  auto running = std::make_shared<Running>(rule, JoinTools{options.rate, turns_}, session_, out_);
  DetachableThread thread("a file server that does not answer", running->stop,
                          [running](const std::stop_token&) { running->directory.run(); });
  state.rules.push_back({std::move(running), std::move(thread)});
}

void Joiner::check_answers() {
  state_.with([](State& state) {
    for (const Rule& rule : state.rules)
      if (!rule.leaving) rule.running->directory.check_answers(state.patience);
  });
}

void Joiner::describe(metrics::Page& page) const {
  std::array<std::size_t, join_state_names.size()> counts{};
  state_.with([&](const State& state) {
    for (const Rule& rule : state.rules)
      if (!rule.leaving) ++counts[static_cast<std::size_t>(rule.running->directory.state())];
  });
  std::vector<metrics::Sample> samples;
  for (std::size_t i = 0; i < counts.size(); ++i) samples.push_back({{{"state", join_state_names[i]}}, static_cast<double>(counts[i])});
  page.gauge("shoal_joins", "Releases of other seeders that this machine serves as well, by state.", samples);
}

void Joiner::request_stop() {
  state_.with([](State& state) {
    for (Rule& rule : state.rules) rule.thread.request_stop();
  });
}

bool Joiner::stop(std::chrono::steady_clock::time_point deadline) {
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
