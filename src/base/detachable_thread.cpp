#include "base/detachable_thread.hpp"

#include <utility>

#include "base/log.hpp"

namespace shoal {
namespace {

constexpr std::chrono::seconds patience{3};

}  // namespace

DetachableThread::DetachableThread(std::string what, std::stop_source stop, std::function<void(const std::stop_token&)> work)
    : what_(std::move(what)), stop_(std::move(stop)), state_(std::make_shared<State>()) {
  thread_ = std::thread([state = state_, token = stop_.get_token(), work = std::move(work)] {
    try {
      work(token);
    } catch (const std::exception& error) {
      log::error("thread_failed", {{"reason", error.what()}});
    }
    *state->ended.lock() = true;
    state->changed.notify_all();
  });
}

DetachableThread::~DetachableThread() {
  if (thread_.joinable()) end(usual_deadline());
}

bool DetachableThread::ended() const { return !thread_.joinable() || *state_->ended.lock(); }

DetachableThread::Ended DetachableThread::waiter() const {
  return [state = state_](const std::stop_token& stop) {
    auto ended = state->ended.lock();
    return state->changed.wait(ended.lock(), stop, [&] { return *ended; });
  };
}

bool DetachableThread::wait(Deadline deadline, const std::stop_token& stop) const {
  auto ended = state_->ended.lock();
  return state_->changed.wait_until(ended.lock(), stop, deadline, [&] { return *ended; });
}

bool DetachableThread::end(Deadline deadline) {
  if (!thread_.joinable()) return true;
  stop_.request_stop();
  if (wait(deadline, {})) {
    thread_.join();
    return true;
  }
  thread_.detach();
  log::warn("thread_abandoned", {{"reason", "a thread that waits for " + what_}});
  return false;
}

void DetachableThread::detach() {
  if (thread_.joinable()) thread_.detach();
}

DetachableThread::Deadline DetachableThread::usual_deadline() { return std::chrono::steady_clock::now() + patience; }

}  // namespace shoal
