#include "node/delivery.hpp"

namespace shoal::node {

Delivery::Delivery(member::MemberSession& session, Shelf& shelf, Node& node, cli::Output& quiet, Order order, Events events)
    : session_(session), shelf_(shelf), node_(node), out_(quiet), order_(std::move(order)) {
  thread_ = std::jthread([this, events = std::move(events)](const std::stop_token& stop) { run(stop, events); });
}

Delivery::~Delivery() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Delivery::run(const std::stop_token& stop, const Events& events) { events.done(deliver(stop, events)); }

Result<Delivered> Delivery::deliver(const std::stop_token& stop, const Events& events) {
  auto tracker = session_.client(stop);
  SHOAL_TRY(Wanted wanted, resolve(*tracker));
  events.resolved(wanted.release);
  // Room is not made for what does not come.
  if (!shelf_.holds(order_.release)) SHOAL_CHECK(check_not_refused(shelf_, order_.release, order_.allow_code_formats));
  SHOAL_CHECK(events.make_room(wanted.release, stop));
  PullRequest request{{order_.model, std::nullopt, ChannelName()}, std::nullopt, order_.allow_code_formats};
  puller_ = std::make_unique<Puller>(session_, shelf_, node_, out_, stop);
  puller_->on_phase = events.phase;
  auto report = puller_->bring(request, wanted, *tracker);
  if (report.ok()) return Delivered{std::move(wanted.release), std::move(report).value()};
  node_.contents().forget(wanted.release.id());
  puller_.reset();
  return std::move(report).error();
}

/// From the disk where an earlier run left it, else from the tracker; verified either way.
Result<Wanted> Delivery::resolve(registry::Client& tracker) const {
  auto verifier = session_.verifier();
  if (auto kept = shelf_.verified(*verifier, order_.release); kept.ok() && (*kept)->model == order_.model) {
    SHOAL_TRY(std::string envelope, shelf_.envelope(order_.release));
    return Wanted{std::move(kept).value(), std::move(envelope), std::nullopt};
  }
  SHOAL_TRY(auto reply, tracker.release(order_.release));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, verifier->release(envelope, order_.model, order_.release));
  return Wanted{std::move(release), std::move(reply.envelope), std::nullopt};
}

}  // namespace shoal::node
