// Threads for requests that may block.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace shoal::gateway {

/// Thread-safe. Ends with its threads; work that has not begun by then is dropped.
class WorkPool {
 public:
  WorkPool(unsigned threads, std::size_t most_waiting);
  ~WorkPool();

  /// False where too much waits already.
  bool post(std::function<void()> work);

 private:
  void run(const std::stop_token& stop);

  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::jthread> threads_;
};

}  // namespace shoal::gateway
