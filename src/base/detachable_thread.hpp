// A thread whose work may block for ever, such as in a file server or a resolver that does not answer: it is left behind then.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "base/guarded.hpp"

namespace shoal {

/// For one thread unless noted. The work should own what it uses: a thread that was left behind may go on until the process ends.
class DetachableThread {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// `what` it waits for, when it is left behind: for the log.
  DetachableThread(std::string what, std::stop_source stop, std::function<void(const std::stop_token&)> work);
  DetachableThread(DetachableThread&&) = default;
  DetachableThread& operator=(DetachableThread&&) = delete;
  /// As `end`, with the usual deadline.
  ~DetachableThread();

  void request_stop() { stop_.request_stop(); }
  bool ended() const;
  /// Waits until the work has ended; false when `stop` came first. For the work of another thread.
  using Ended = std::function<bool(const std::stop_token& stop)>;
  Ended waiter() const;
  /// Waits until the work has ended; false when `stop` or the deadline came first.
  bool wait(Deadline deadline, const std::stop_token& stop) const;
  /// Asks it to stop and waits; false: it hangs and was left behind; end the process soon.
  bool end(Deadline deadline);
  /// Leaves it behind without a word, for work that is harmless.
  void detach();

  /// From now, for all that end together.
  static Deadline usual_deadline();

 private:
  struct State {
    Guarded<bool> ended{false};
    std::condition_variable_any changed;
  };
  std::string what_;
  std::stop_source stop_;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace shoal
