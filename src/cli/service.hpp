// A command that stays: what it tells the service manager, and what SIGHUP makes it read again.
#pragma once

#include <atomic>
#include <set>

#include "base/service_notify.hpp"
#include "cli/command.hpp"

namespace shoal::cli {

/// The option of every service: where its numbers are served.
const Option& metrics_option();
/// Its value; no host where it was not given.
Result<HostPort> metrics_address(const Invocation& call);

/// For the thread that runs the service's loop.
class Service {
 public:
  /// What can change while the service runs: the names of the options ("--upload-limit"), and who takes their new values. A service takes
  /// all of them or, after an error, none. `--log-level` is always among them.
  struct Reload {
    std::set<std::string> options;
    std::function<Status(const Invocation&)> apply;
  };
  /// `call` must outlive it.
  Service(Invocation& call, const Clock& clock, Reload reload = {});

  std::stop_token stop() const { return call_.shutdown.token(); }
  /// Once everything that others may reach is open.
  void ready(std::string_view status);
  /// At each turn of the loop: feeds the watchdog, passes on a status that changed, and reads the configuration again after a SIGHUP of the
  /// service manager. Without one SIGHUP stops the service: the terminal that it was started in was closed.
  void alive(std::string_view status);
  struct Health {
    bool alive = true;  // the loop turns
    bool ready = false;
  };
  /// Any thread.
  Health health() const;
  /// The longest that the loop may wait between two turns.
  std::chrono::milliseconds longest_wait() const { return notifier_.longest_wait(); }

 private:
  Status read_again();
  void warn_of_the_rest(const Invocation& next) const;

  void turned();

  Invocation& call_;
  const Clock& clock_;
  const Reload reload_;
  ServiceNotifier notifier_;
  unsigned hangups_ = 0;  // taken
  std::atomic<bool> ready_{false};
  std::atomic<SteadyTime::rep> turned_{0};
};

}  // namespace shoal::cli
