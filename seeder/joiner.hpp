// Serves releases that others published: finds the same files here, holds them against the signed release, and remembers them as a source.
#pragma once

#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "base/detachable_thread.hpp"
#include "cli/output.hpp"
#include "member/member_session.hpp"
#include "metrics/page.hpp"
#include "seeder/hash_turns.hpp"
#include "seeder/join_rule.hpp"
#include "store/read_rate.hpp"

namespace shoal::seeder {

struct JoinOptions {
  std::vector<JoinRule> rules;
  std::shared_ptr<store::ReadRate> rate = {};  // of hashing, over all directories; none: as fast as it goes
  /// A directory that has not answered for so long is said to hang.
  std::chrono::milliseconds patience{60'000};
};

/// Joins each rule on a thread of its own, so that what is known already is served meanwhile and a directory that is slow or hangs holds up
/// itself alone. What cannot be joined is said once and tried again until it can: the share may not be mounted yet, the release may not be
/// published yet. Calls are for one thread unless noted.
class Joiner {
 public:
  /// `session` and `out` must outlive it, and where `stop` says false, the process.
  Joiner(member::MemberSession& session, cli::Output& out);
  ~Joiner();

  /// Begins rules that are new, and gives up those that are not there any more; what these have joined stays served.
  void follow(const JoinOptions& options);
  /// Thread-safe.
  void describe(metrics::Page& page) const;

  void request_stop();
  /// Ends the threads; once. False: one of them hangs in a file server and was left behind; end the process soon.
  bool stop(std::chrono::steady_clock::time_point deadline);

 private:
  struct Running;
  struct Rule {
    std::shared_ptr<Running> running;
    DetachableThread thread;
    bool leaving = false;
  };
  struct State {
    std::list<Rule> rules;
    std::chrono::milliseconds patience{};
  };

  void begin(State& state, const JoinRule& rule, const JoinOptions& options);
  void check_answers();

  member::MemberSession& session_;
  cli::Output& out_;
  std::shared_ptr<HashTurns> turns_;
  Guarded<State> state_;
  std::jthread monitor_;
};

}  // namespace shoal::seeder
