// What must happen when a wait takes too long.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/asio.hpp"

namespace shoal::mesh {

/// One timer. Lives on the thread of its io_context; nothing is called after it was cancelled or destroyed.
class Deadline {
 public:
  explicit Deadline(net::io_context& io) : state_(std::make_shared<State>(io)) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { cancel(); }

  /// Replaces an earlier one.
  void in(std::chrono::milliseconds time, std::function<void()> passed) {
    std::uint64_t turn = ++state_->turn;
    state_->timer.expires_after(time);
    state_->timer.async_wait([state = std::weak_ptr(state_), turn, passed = std::move(passed)](const ErrorStatus&) {
      if (auto alive = state.lock(); alive && alive->turn == turn) passed();
    });
  }
  void cancel() {
    ++state_->turn;
    state_->timer.cancel();
  }

 private:
  struct State {
    explicit State(net::io_context& io) : timer(io) {}
    net::steady_timer timer;
    std::uint64_t turn = 0;
  };
  std::shared_ptr<State> state_;
};

}  // namespace shoal::mesh
