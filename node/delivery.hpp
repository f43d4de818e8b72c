// One release on its way to this machine: a thread that resolves, fetches, verifies and makes durable.
#pragma once

#include <functional>
#include <thread>

#include "node/puller.hpp"

namespace shoal::node {

struct Delivered {
  manifest::VerifiedRelease release;
  PullReport report;
};

/// Keeps the release served for as long as it lives. Its callbacks run on its thread.
class Delivery {
 public:
  struct Order {
    ModelName model;
    ReleaseId release;
    bool allow_code_formats = false;
  };
  struct Events {
    std::function<void(const manifest::VerifiedRelease&)> resolved;
    std::function<Status(const manifest::VerifiedRelease&, const std::stop_token&)> make_room;  // within a quota; may block
    std::function<void(Phase)> phase;
    std::function<void(Result<Delivered>)> done;
  };
  Delivery(member::MemberSession& session, Shelf& shelf, Node& node, cli::Output& quiet, Order order, Events events);
  /// Cancels what is under way; what was fetched stays on the disk. Content that was complete stays in the swarm.
  ~Delivery();
  void cancel() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop, const Events& events);
  Result<Delivered> deliver(const std::stop_token& stop, const Events& events);
  Result<Wanted> resolve(registry::Client& tracker) const;

  member::MemberSession& session_;
  Shelf& shelf_;
  Node& node_;
  cli::Output& out_;
  const Order order_;
  std::unique_ptr<Puller> puller_;  // holds the directory through which the engine reaches the files
  std::jthread thread_;
};

}  // namespace shoal::node
