#include "seeder/loose_thread.hpp"

#include <utility>

#include "base/log.hpp"

namespace shoal::seeder {
namespace {

constexpr std::chrono::seconds patience{3};

}  // namespace

LooseThread::LooseThread(std::stop_source stop, std::function<void(const std::stop_token&)> work)
    : stop_(std::move(stop)), state_(std::make_shared<State>()) {
  thread_ = std::thread([state = state_, token = stop_.get_token(), work = std::move(work)] {
    try {
      work(token);
    } catch (const std::exception& error) {
      log::error("thread ended", {{"error", error.what()}});
    }
    *state->ended.lock() = true;
    state->changed.notify_all();
  });
}

LooseThread::~LooseThread() {
  if (thread_.joinable()) end(usual_deadline());
}

bool LooseThread::ended() const { return !thread_.joinable() || *state_->ended.lock(); }

LooseThread::Ended LooseThread::waiter() const {
  return [state = state_](const std::stop_token& stop) {
    auto ended = state->ended.lock();
    return state->changed.wait(ended.lock(), stop, [&] { return *ended; });
  };
}

bool LooseThread::end(std::chrono::steady_clock::time_point deadline) {
  if (!thread_.joinable()) return true;
  stop_.request_stop();
  const bool ended = [&] {
    auto done = state_->ended.lock();
    return state_->changed.wait_until(done.lock(), deadline, [&] { return *done; });
  }();
  if (ended) {
    thread_.join();
    return true;
  }
  thread_.detach();
  log::warn("left behind", {{"what", "a thread that waits for a file server that does not answer"}});
  return false;
}

std::chrono::steady_clock::time_point LooseThread::usual_deadline() { return std::chrono::steady_clock::now() + patience; }

}  // namespace shoal::seeder
