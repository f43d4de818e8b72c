#include "store/work_queue.hpp"

#include "base/log.hpp"

namespace shoal::store {

WorkQueue::WorkQueue(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void WorkQueue::push(Job job) {
  state_.with([&](State& state) { state.ready.push_back(std::move(job)); });
  changed_.notify_one();
}

void WorkQueue::push_front(Job job) {
  state_.with([&](State& state) { state.ready.push_front(std::move(job)); });
  changed_.notify_one();
}

void WorkQueue::push_after(std::chrono::milliseconds delay, Job job) {
  state_.with([&](State& state) { state.delayed.emplace(std::chrono::steady_clock::now() + delay, std::move(job)); });
  changed_.notify_one();
}

void WorkQueue::stop() {
  state_.lock()->stopping = true;
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void WorkQueue::promote(State& state, Time now) {
  const auto end = state.stopping ? state.delayed.end() : state.delayed.upper_bound(now);
  for (auto it = state.delayed.begin(); it != end; ++it) state.ready.push_back(std::move(it->second));
  state.delayed.erase(state.delayed.begin(), end);
}

void WorkQueue::run() {
  auto state = state_.lock();
  while (true) {
    promote(*state, std::chrono::steady_clock::now());
    if (!state->ready.empty()) {
      Job job = std::move(state->ready.front());
      state->ready.pop_front();
      state.lock().unlock();
      try {
        job();
      } catch (const std::exception& error) {
        log::error("store_job_failed", {{"reason", error.what()}});
      }
      job = nullptr;
      state.lock().lock();
    } else if (state->stopping) {
      return;
    } else if (state->delayed.empty()) {
      changed_.wait(state.lock());
    } else {
      const Time due = state->delayed.begin()->first;  // a copy: the entry may go while we wait
      changed_.wait_until(state.lock(), due);
    }
  }
}

}  // namespace shoal::store
