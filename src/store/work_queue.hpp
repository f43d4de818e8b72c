// The store's worker threads. Internal to the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "base/guarded.hpp"

namespace shoal::store {

/// Thread-safe. Jobs must not throw; what they throw is logged and dropped.
class WorkQueue {
 public:
  using Job = std::function<void()>;
  explicit WorkQueue(unsigned threads);
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;
  ~WorkQueue() { stop(); }

  void push(Job job);
  /// Ahead of everything that `push` brought: someone waits for it.
  void push_front(Job job);
  void push_after(std::chrono::milliseconds delay, Job job);
  /// Runs what is queued, what was delayed at once, and ends the threads. Called by one thread.
  void stop();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct State {
    std::deque<Job> ready;
    std::multimap<Time, Job> delayed;
    bool stopping = false;
  };
  void run();
  static void promote(State& state, Time now);

  Guarded<State> state_;
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
};

}  // namespace shoal::store
