// A thread of the pump. It waits for the sockets of its links with epoll, edge-triggered, and gives each ready link a turn.
//
// Own epoll rather than Asio here: one registration per socket for life instead of a system call per wait, no allocation per event,
// and the order of turns is ours.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.hpp"
#include "mesh/link.hpp"

namespace shoal::mesh {

class Worker {
 public:
  using Ended = std::function<void(const std::shared_ptr<Link>&)>;
  /// `ended` is called on the worker's thread, once for each link that ends while the worker lives.
  Worker(std::chrono::milliseconds idle, Ended ended);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  /// Ends all its links.
  ~Worker();

  /// The link is this thread's from now on. Any thread.
  void take(std::shared_ptr<Link> link);
  /// How many links it has. Any thread.
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }

 private:
  struct Seat;
  /// What an epoll event points at: one of a link's two sockets.
  struct Port {
    Seat* seat;
    void (Link::*ready)(std::uint32_t events);
  };
  struct Seat {
    std::shared_ptr<Link> link;
    Port wire{this, &Link::wire_ready}, engine{this, &Link::engine_ready};
    bool queued = false;
    bool timed = false;  // it has a place in timed_
  };

  void run();
  void wait();
  void take_new_links();
  bool watch(int fd, Port* port);
  void queue(Seat& seat);
  void breathe() const;
  void queue_timed();
  void give_turns();
  void end_idle_links();
  void end(Seat& seat);
  void wake() const;

  const std::chrono::milliseconds idle_;
  const std::chrono::milliseconds tick_;
  const Ended ended_;
  UniqueFd epoll_, wake_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> load_{0};
  Guarded<std::vector<std::shared_ptr<Link>>> new_links_;

  // The thread's own.
  std::unordered_map<const Link*, std::unique_ptr<Seat>> seats_;
  std::vector<Seat*> ready_, turns_;
  std::deque<std::pair<std::chrono::steady_clock::time_point, const Link*>> timed_;  // links that want a turn; they may have ended
  std::size_t moved_ = 0;                                                            // bytes of the last turns
  std::vector<char> buffer_;
  std::chrono::steady_clock::time_point now_, next_tick_;
  std::chrono::steady_clock::time_point fast_until_;  // see breathe()
  std::thread thread_;
};

}  // namespace shoal::mesh
