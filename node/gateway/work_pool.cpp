#include "node/gateway/work_pool.hpp"

#include <exception>

#include "base/log.hpp"

namespace shoal::gateway {

WorkPool::WorkPool(unsigned threads, std::size_t most_waiting) : most_waiting_(most_waiting) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

WorkPool::~WorkPool() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

bool WorkPool::post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= most_waiting_) return false;
    waiting_.push_back(std::move(work));
  }
  arrived_.notify_one();
  return true;
}

void WorkPool::run(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait(lock, stop, [&] { return !waiting_.empty(); }) || stop.stop_requested()) return;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      work();
    } catch (const std::exception& problem) {
      log::error("gateway_request_failed", {{"reason", problem.what()}});
    }
  }
}

}  // namespace shoal::gateway
