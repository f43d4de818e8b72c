// One rule at work: looks at its root again and again, publishes, and says what is wrong. Internal to the watcher.
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <stop_token>

#include "base/guarded.hpp"
#include "cli/output.hpp"
#include "publisher/publisher.hpp"
#include "seeder/heartbeat.hpp"
#include "seeder/watch_counts.hpp"
#include "seeder/watch_records.hpp"
#include "seeder/watcher.hpp"

namespace shoal::seeder {

class WatchedRoot {
 public:
  WatchedRoot(WatchRule rule, const WatchOptions& options, member::MemberSession& session, registry::Client& tracker,
              const publisher::Signer& signer, cli::Output& out, std::stop_token stop);

  /// Until `stop`, on a thread of its own.
  void run();
  /// Looks once. For `run` and for tests.
  void turn();

  /// Thread-safe.
  WatchCounts counts() const;

  /// For the monitor's thread: says once that the root hangs, and once that it answers again.
  void check_answers(std::chrono::milliseconds patience);

 private:
  void beat() { heart_.beat(session_.clock().steady_now()); }
  bool root_holds(const Result<Scan>& found);
  void lost(const std::string& problem);
  void back();
  void tell_problems(const Scan& found);
  void tell_gone(const Scan& found);
  void step(const SeenDirectory& seen);
  void take_step(const SeenDirectory& seen, WatchMemory& memory);
  WatchMemory* memory_of(const SeenDirectory& seen);
  void inspect(const SeenDirectory& seen, WatchMemory& memory);
  void publish(const SeenDirectory& seen, WatchMemory& memory);
  Result<publisher::PublishReport> try_publish(const SeenDirectory& seen, WatchMemory& memory, publisher::PublishRequest& request);
  Result<publisher::PublishReport> publish_revision(const SeenDirectory& seen, publisher::PublishRequest& request, WatchRecord& record,
                                                    bool adopt);
  Result<bool> registered_before(const publisher::PublishRequest& request);
  void changed(const SeenDirectory& seen, WatchMemory& memory, bool withdraw);
  Status withdraw(const SeenDirectory& seen, WatchMemory& memory);
  Status forget_source(const std::optional<ReleaseId>& id, const std::optional<ReleaseId>& except);
  void show(const Scan& found);
  void show(const SeenDirectory& seen, WatchState state);
  void say(const char* type, const fs::path& path, const std::string& text, Json more = Json::object());
  std::string title(const SeenDirectory& seen, const WatchMemory& memory) const;

  const WatchRule rule_;
  const std::chrono::milliseconds poll_;
  const std::shared_ptr<store::ReadRate> rate_;
  member::MemberSession& session_;
  registry::Client& tracker_;
  const publisher::Signer signer_;
  cli::Output& out_;
  const std::stop_token stop_;
  const WatchRecords records_;
  std::map<fs::path, WatchMemory> memories_;
  std::set<std::pair<std::string, std::string>> told_;
  std::size_t known_ = 0;  // directories at the last look that worked
  std::string lost_;       // why the root cannot be read
  std::chrono::milliseconds scan_took_{};
  Heartbeat heart_;
  std::atomic<bool> hung_{false};   // in the middle of the scan
  std::atomic<bool> hangs_{false};  // now
  struct Shown {
    std::map<fs::path, WatchState> versions;
    std::size_t problems = 0;  // names that are no versions
    bool lost = false;
  };
  Guarded<Shown> shown_;  // to those who read the metrics
};

}  // namespace shoal::seeder
