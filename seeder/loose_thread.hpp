// A thread that may wait for a file server that does not answer: nobody waits for it for long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/guarded.hpp"

namespace shoal::seeder {

/// For one thread unless noted. What the work refers to must outlive the thread, and where `end` says false, the process: the work should
/// own what it can.
class LooseThread {
 public:
  LooseThread(std::stop_source stop, std::function<void(const std::stop_token&)> work);
  LooseThread(LooseThread&&) = default;
  LooseThread& operator=(LooseThread&&) = delete;
  /// As `end`, with the usual deadline.
  ~LooseThread();

  void request_stop() { stop_.request_stop(); }
  bool ended() const;
  /// Waits until the work has ended; false when `stop` came first. For the work of another thread.
  using Ended = std::function<bool(const std::stop_token& stop)>;
  Ended waiter() const;
  /// Asks it to stop and waits; false: it hangs and was left behind; end the process soon.
  bool end(std::chrono::steady_clock::time_point deadline);

  /// From now, for all that end together.
  static std::chrono::steady_clock::time_point usual_deadline();

 private:
  struct State {
    Guarded<bool> ended{false};
    std::condition_variable_any changed;
  };
  std::stop_source stop_;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace shoal::seeder
