#include "seeder/intake.hpp"

#include "publisher/command_parts.hpp"
#include "seeder/watch_options.hpp"

namespace shoal::seeder {
namespace {

Result<std::vector<JoinRule>> joins_of(const cli::Invocation& call) {
  std::vector<JoinRule> rules;
  for (const std::string& text : call.all("--join")) {
    SHOAL_TRY(JoinRule rule, JoinRule::parse(text));
    for (const JoinRule& other : rules)
      if (other == rule) return fail(ErrorCode::usage, "--join '" + printable(text, 300) + "' is given twice");
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace

Result<IntakePlan> intake_plan_of(const cli::Invocation& call, const fs::path& state) {
  IntakePlan plan;
  SHOAL_TRY(plan.watch, watch_options_of(call));
  SHOAL_TRY(plan.joins, joins_of(call));
  SHOAL_TRY(plan.hash_rate, hash_rate_of(call));
  if (plan.watch.rules.empty()) return plan;
  SHOAL_TRY(plan.signer, publisher::load_signer(call, state));
  return plan;
}

std::set<std::string> intake_options() {
  std::set<std::string> names{"--join"};
  for (const cli::Option& option : watch_options()) names.insert(option.name);
  return names;
}

void Intake::follow(const IntakePlan& plan) {
  rate_->limit(plan.hash_rate);
  WatchOptions watch = plan.watch;
  watch.rate = rate_;
  watcher_.follow(watch, plan.signer);
  joiner_.follow({plan.joins, rate_, plan.watch.patience});
}

void Intake::describe(metrics::Page& page) const {
  page.counter("shoal_source_hashed_bytes_total", "Bytes read from files in order to hash them for publishing or joining.",
               static_cast<double>(rate_->read()));
  seeder::describe(page, watcher_.counts());
  joiner_.describe(page);
}

bool Intake::stop() {
  watcher_.request_stop();
  joiner_.request_stop();
  const auto deadline = DetachableThread::usual_deadline();
  const bool watched = watcher_.stop(deadline);
  return joiner_.stop(deadline) && watched;
}

}  // namespace shoal::seeder
