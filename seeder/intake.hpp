// What a seeder takes up by itself: directories that are watched, and releases of others that it joins. Told by the options, at the start
// and again after each SIGHUP.
#pragma once

#include <memory>
#include <optional>
#include <set>

#include "cli/command.hpp"
#include "metrics/page.hpp"
#include "publisher/signer.hpp"
#include "seeder/joiner.hpp"
#include "seeder/watcher.hpp"

namespace shoal::seeder {

struct IntakePlan {
  WatchOptions watch;
  std::vector<JoinRule> joins;
  std::optional<publisher::Signer> signer;  // where something is watched
  ByteCount hash_rate = 0;                  // bytes per second over all that is hashed; 0 is no limit
};

/// Code `usage` for rules that cannot be, and the errors of loading the key where there is something to sign.
Result<IntakePlan> intake_plan_of(const cli::Invocation& call, const fs::path& state);
/// The options that it is made of.
std::set<std::string> intake_options();

/// For one thread unless noted.
class Intake {
 public:
  /// `session` and `out` must outlive it, and where `stop` says false, the process.
  Intake(member::MemberSession& session, cli::Output& out) : watcher_(session, out), joiner_(session, out) {}

  /// From now on this and nothing else. Rules that stay go on undisturbed.
  void follow(const IntakePlan& plan);
  /// Thread-safe.
  void describe(metrics::Page& page) const;
  /// Ends all of it; once. False: something hangs in a file server and was left behind; end the process soon.
  bool stop();

 private:
  const std::shared_ptr<store::ReadRate> rate_ = std::make_shared<store::ReadRate>();
  Watcher watcher_;
  Joiner joiner_;
};

}  // namespace shoal::seeder
