// What wakes the event thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/clock.hpp"

namespace shoal::swarm {

/// Thread-safe. A ring that nobody waits for is kept until somebody does.
class Bell {
 public:
  struct Rings {
    bool news = false;   // there is something to read
    bool moved = false;  // transfers begin, end or may do so: what can be seen of them changes
  };
  void news();
  void moved();
  /// Waits until it rings, a stop is requested, or the time has come.
  Rings wait_until(SteadyTime time, const std::stop_token& stop);

 private:
  void ring(bool Rings::*what);

  std::mutex mutex_;
  std::condition_variable_any rang_;
  Rings rings_;
};

}  // namespace shoal::swarm
