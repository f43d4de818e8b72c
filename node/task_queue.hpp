// Work for one thread, from any thread. What the work touches then needs no lock.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/clock.hpp"
#include "base/result.hpp"

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

/// Lets the queue's thread do the work, for another thread that waits for as long as `may_wait` has no error. The work may outlive the
/// call.
template <typename Value>
Result<Value> done_by(TaskQueue& queue, std::function<Result<Value>()> work, const std::function<Status()>& may_wait) {
  auto done = std::make_shared<std::promise<Result<Value>>>();
  auto answer = done->get_future();
  queue.post([work = std::move(work), done] { done->set_value(work()); });
  done.reset();
  while (answer.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) SHOAL_CHECK(may_wait());
  try {
    return answer.get();
  } catch (const std::future_error&) {  // the queue was closed
    return fail("the running node is ending");
  }
}

}  // namespace shoal::node
