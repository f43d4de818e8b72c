// Publishes what is completed below the watched roots: a thread for each rule, so that a file server that hangs stops its own rule alone.
// Nothing is written below a root.
#pragma once

#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "cli/output.hpp"
#include "seeder/signer.hpp"
#include "seeder/watch_rule.hpp"
#include "store/read_rate.hpp"
#include "swarm/member_session.hpp"

namespace shoal::seeder {

struct WatchOptions {
  std::vector<WatchRule> rules;
  std::chrono::milliseconds poll{10'000};
  std::shared_ptr<store::ReadRate> rate;  // of hashing, over all roots; none: as fast as it goes
  /// A root that has not answered for so long is said to hang.
  std::chrono::milliseconds patience{60'000};
};

class Watcher {
 public:
  /// `session` and `out` must outlive it, and where `stop` says false, the process.
  Watcher(const WatchOptions& options, swarm::MemberSession& session, const Signer& signer, cli::Output& out);
  ~Watcher();

  /// Ends the threads; once. False: one of them hangs in a file server and was left behind; end the process soon.
  bool stop();

 private:
  struct Running;
  std::vector<std::shared_ptr<Running>> running_;
  std::vector<std::thread> threads_;
  std::jthread monitor_;
};

}  // namespace shoal::seeder
