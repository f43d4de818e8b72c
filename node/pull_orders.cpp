#include "node/pull_orders.hpp"

#include <algorithm>

namespace shoal::node {
namespace {

constexpr std::size_t most_events = 100;

bool is_progress(const Json& event) { return event.contains("progress"); }

}  // namespace

void OrderNews::say(const Json& event) {
  {
    std::lock_guard lock(mutex_);
    if (!events_.empty() && is_progress(events_.back()) && is_progress(event)) events_.pop_back();
    if (events_.size() == most_events) events_.pop_front();
    events_.push_back(event);
  }
  arrived_.notify_one();
}

void OrderNews::end(Result<Delivered> outcome) {
  {
    std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
  }
  arrived_.notify_one();
}

std::optional<Result<Delivered>> OrderNews::wait(const std::function<void(const Json&)>& heard, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (arrived_.wait(lock, stop, [&] { return !events_.empty() || outcome_; })) {
    std::deque<Json> events;
    events.swap(events_);
    const bool ended = outcome_.has_value();
    lock.unlock();
    for (const Json& event : events) heard(event);
    if (ended) return std::move(outcome_);  // nobody writes it twice
    lock.lock();
  }
  return std::nullopt;
}

std::unique_ptr<PullOrders::Placed> PullOrders::place(Order order) {
  auto news = std::make_shared<OrderNews>();
  entries_.lock()->push_back({std::move(order), news});
  return std::make_unique<Placed>(*this, std::move(news));
}

PullOrders::Placed::~Placed() {
  auto entries = orders_.entries_.lock();
  std::erase_if(*entries, [&](const Entry& entry) { return entry.news == news; });
}

bool PullOrders::wants(const ReleaseId& id) const { return !news_of(id).empty(); }

bool PullOrders::allows_code(const ReleaseId& id) const {
  return entries_.with([&](const std::vector<Entry>& entries) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const Entry& entry) { return entry.order.release == id && entry.order.allow_code_formats; });
  });
}

std::vector<PullOrders::Order> PullOrders::all() const {
  return entries_.with([](const std::vector<Entry>& entries) {
    std::vector<Order> orders;
    for (const Entry& entry : entries) orders.push_back(entry.order);
    return orders;
  });
}

std::vector<std::shared_ptr<OrderNews>> PullOrders::news_of(const ReleaseId& id) const {
  return entries_.with([&](const std::vector<Entry>& entries) {
    std::vector<std::shared_ptr<OrderNews>> news;
    for (const Entry& entry : entries)
      if (entry.order.release == id) news.push_back(entry.news);
    return news;
  });
}

void PullOrders::say(const ReleaseId& id, const Json& event) const {
  for (const auto& news : news_of(id)) news->say(event);
}

void PullOrders::end(const ReleaseId& id, const Result<Delivered>& outcome) const {
  for (const auto& news : news_of(id)) news->end(outcome);
}

}  // namespace shoal::node
