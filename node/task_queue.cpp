#include "node/task_queue.hpp"

namespace shoal::node {

void TaskQueue::post(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    tasks_.push_back(std::move(task));
  }
  arrived_.notify_one();
}

void TaskQueue::run_for(std::chrono::milliseconds duration, const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + duration;
  std::unique_lock lock(mutex_);
  while (arrived_.wait_until(lock, stop, until, [&] { return !tasks_.empty(); })) {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
    if (stop.stop_requested()) return;
  }
}

void TaskQueue::close() {
  std::deque<Task> dropped;  // outlives the lock: what a task holds may call back when it goes
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
}

}  // namespace shoal::node
