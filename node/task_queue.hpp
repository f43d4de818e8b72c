// Work for one thread, from any thread. What the work touches then needs no lock.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>

#include "base/clock.hpp"

namespace shoal::node {

class TaskQueue {
 public:
  using Task = std::function<void()>;
  void post(Task task);
  /// Runs what was posted, for as long as this.
  void run_for(std::chrono::milliseconds duration, const std::stop_token& stop);
  /// From now on what is posted is dropped, and what was posted, too.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Task> tasks_;
  bool closed_ = false;
};

}  // namespace shoal::node
