// Releases that `shoal pull` has a running node fetch, and the news for each command that waits.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/guarded.hpp"
#include "node/delivery.hpp"

namespace shoal::node {

/// The news of one order, for the thread that waits. Keeps the newest hundred, and of progress the newest alone.
class OrderNews {
 public:
  void say(const Json& event);
  void end(Result<Delivered> outcome);
  /// Hands on each event, until the outcome is there or a stop is requested: then nothing.
  std::optional<Result<Delivered>> wait(const std::function<void(const Json&)>& heard, const std::stop_token& stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Json> events_;
  std::optional<Result<Delivered>> outcome_;
};

/// Thread-safe. A release may be ordered more than once.
class PullOrders {
 public:
  struct Order {
    Reference reference;  // as the command was given it
    ReleaseId release;
    VersionName version;
    bool allow_code_formats = false;
  };
  /// An order, for as long as this lives.
  class Placed;

  std::unique_ptr<Placed> place(Order order);
  bool wants(const ReleaseId& id) const;
  /// Whether any order of this release consents to formats that may execute code.
  bool allows_code(const ReleaseId& id) const;
  std::vector<Order> all() const;
  /// To everybody who ordered it.
  void say(const ReleaseId& id, const Json& event) const;
  void end(const ReleaseId& id, const Result<Delivered>& outcome) const;

 private:
  std::vector<std::shared_ptr<OrderNews>> news_of(const ReleaseId& id) const;
  struct Entry {
    Order order;
    std::shared_ptr<OrderNews> news;
  };
  Guarded<std::vector<Entry>> entries_;
};

class PullOrders::Placed {
 public:
  Placed(PullOrders& orders, std::shared_ptr<OrderNews> news) : news(std::move(news)), orders_(orders) {}
  Placed(const Placed&) = delete;
  Placed& operator=(const Placed&) = delete;
  ~Placed();

  const std::shared_ptr<OrderNews> news;

 private:
  PullOrders& orders_;
};

}  // namespace shoal::node
