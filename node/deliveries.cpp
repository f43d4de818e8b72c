#include "node/deliveries.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace shoal::node {
namespace {

/// Each delivery has a thread and connections of its own: a few descriptors. With usual limits, at least as many as anybody follows.
std::size_t most_deliveries() {
  constexpr rlim_t share = 32, fewest = 8;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fewest;
  return static_cast<std::size_t>(std::max(fewest, limit.rlim_cur / share));
}

}  // namespace

Deliveries::Deliveries(member::MemberSession& session, Shelf& shelf, Node& node, TaskQueue& tasks, bool allow_code_formats, Events events)
    : session_(session), shelf_(shelf), node_(node), tasks_(tasks), allow_code_formats_(allow_code_formats), events_(std::move(events)) {}

Deliveries::~Deliveries() { cancel_all(); }

void Deliveries::cancel_all() {
  for (auto& [id, entry] : deliveries_) entry.delivery->cancel();
}

void Deliveries::begin(const ModelName& model, const ReleaseId& id, bool allow_code_formats) {
  if (is_under_way(id) || !has_room()) return;
  deliveries_.erase(id);
  Entry entry;
  entry.ticket = ++ticket_;
  cli::Output::Options options;
  options.relay = [this, id](const Json& event) { events_.said(id, event); };
  entry.out = std::make_unique<cli::Output>(std::move(options));
  const Delivery::Order order{model, id, allow_code_formats_ || allow_code_formats};
  entry.delivery = std::make_unique<Delivery>(session_, shelf_, node_, *entry.out, order, events_of(id, entry.ticket));
  deliveries_.emplace(id, std::move(entry));
}

Delivery::Events Deliveries::events_of(const ReleaseId& id, std::uint64_t ticket) {
  // News of an earlier delivery of the same release is dropped.
  auto on_agent = [this, id, ticket](std::function<void()> work) {
    tasks_.post([this, id, ticket, work = std::move(work)] {
      auto found = deliveries_.find(id);
      if (found != deliveries_.end() && found->second.ticket == ticket) work();
    });
  };
  Delivery::Events events;
  events.make_room = events_.make_room;
  events.resolved = [this, id, on_agent](const manifest::VerifiedRelease& release) {
    on_agent([this, id, release] {
      deliveries_.at(id).content = release->swarm.info_hash;
      events_.resolved(release);
    });
  };
  events.phase = [this, id, on_agent](Phase phase) { on_agent([this, id, phase] { events_.reached(id, phase); }); };
  events.done = [this, id, on_agent](Result<Delivered> result) {
    on_agent([this, id, result = std::move(result)] { finished(id, result); });
  };
  return events;
}

void Deliveries::finished(const ReleaseId& id, const Result<Delivered>& result) {
  if (result.ok()) deliveries_.at(id).done = true;
  else deliveries_.erase(id);
  events_.done(id, result);
}

bool Deliveries::has_room() const { return under_way() < most_deliveries(); }

/// One that is stalled takes nobody's place.
std::size_t Deliveries::under_way() const {
  return static_cast<std::size_t>(std::count_if(deliveries_.begin(), deliveries_.end(), [&](const auto& each) {
    const auto seen = progress(each.first);
    return !each.second.done && (!seen || !seen->stall.stalled);
  }));
}

bool Deliveries::is_under_way(const ReleaseId& id) const {
  auto found = deliveries_.find(id);
  return found != deliveries_.end() && !found->second.done;
}

void Deliveries::keep_only(const std::function<bool(const ReleaseId&)>& is_wanted) {
  std::erase_if(deliveries_, [&](const auto& each) { return !each.second.done && !is_wanted(each.first); });
}

std::optional<swarm::Progress> Deliveries::progress(const ReleaseId& id) const {
  return is_under_way(id) ? node_.swarm().progress(deliveries_.at(id).content) : std::nullopt;
}

std::optional<swarm::Progress> Deliveries::arrival(const ReleaseId& id) const {
  auto found = deliveries_.find(id);
  return found == deliveries_.end() ? std::nullopt : node_.swarm().progress(found->second.content);
}

TransferFacts Deliveries::transfer(const ReleaseId& id) const {
  return is_under_way(id) ? node_.transfer(deliveries_.at(id).content) : TransferFacts{};
}

void Deliveries::report_stalls(const std::function<void(const ReleaseId&, const StallNews::News&)>& report) {
  for (auto& [id, entry] : deliveries_) {
    const auto seen = progress(id);
    if (auto news = entry.stalls.next(seen ? seen->stall : fanout::Stall{})) report(id, *news);
  }
}

}  // namespace shoal::node
