// Publishes what is completed below the watched roots: a thread for each rule, so that a file server that hangs stops its own rule alone.
// Nothing is written below a root.
#pragma once

#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "base/detachable_thread.hpp"
#include "cli/output.hpp"
#include "member/member_session.hpp"
#include "publisher/signer.hpp"
#include "seeder/watch_counts.hpp"
#include "seeder/watch_rule.hpp"
#include "store/read_rate.hpp"

namespace shoal::seeder {

struct WatchOptions {
  std::vector<WatchRule> rules;
  std::chrono::milliseconds poll{10'000};
  std::shared_ptr<store::ReadRate> rate = {};  // of hashing, over all roots; none: as fast as it goes
  /// A root that has not answered for so long is said to hang.
  std::chrono::milliseconds patience{60'000};
};

/// Calls are for one thread unless noted.
class Watcher {
 public:
  /// `session` and `out` must outlive it, and where `stop` says false, the process.
  Watcher(member::MemberSession& session, cli::Output& out);
  ~Watcher();

  /// Begins rules that are new, and ends those that are not there any more or are told otherwise; what these have published stays published
  /// and served. Others go on undisturbed. `signer` may be missing where there are no rules.
  void follow(const WatchOptions& options, const std::optional<publisher::Signer>& signer);
  /// Thread-safe.
  WatchCounts counts() const;

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

  static void begin(State& state, const WatchRule& rule, std::shared_ptr<Running> running);
  void check_answers();

  member::MemberSession& session_;
  cli::Output& out_;
  Guarded<State> state_;
  std::jthread monitor_;
};

}  // namespace shoal::seeder
