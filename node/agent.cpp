#include "node/agent.hpp"

#include "base/log.hpp"
#include "swarm/engine_metrics.hpp"

namespace shoal::node {
namespace {

constexpr std::chrono::milliseconds tick_period{500};
constexpr std::chrono::minutes collection_period{10};
constexpr std::chrono::seconds status_patience{2};

}  // namespace

Agent::Agent(member::MemberSession& session, FlooredClock& clock, AgentOptions options, cli::Output& out)
    : session_(session),
      clock_(clock),
      options_(std::move(options)),
      settings_(options_.settings),
      out_(out),
      shelf_(session.state()),
      tracks_(session.state()),
      subscriptions_(session.state()) {}

Result<std::unique_ptr<Agent>> Agent::start(member::MemberSession& session, FlooredClock& clock, AgentOptions options, cli::Output& out) {
  std::unique_ptr<Agent> agent(new Agent(session, clock, std::move(options), out));
  SHOAL_CHECK(agent->begin());
  return agent;
}

Status Agent::begin() {
  SHOAL_CHECK(clean_trash(shelf_));
  if (!options_.hugging_face_cache.empty()) {
    SHOAL_CHECK(make_directories(session_.state() / "releases"));
    SHOAL_TRY(cache_, HuggingFaceCache::open(options_.hugging_face_cache, session_.state() / "releases"));
  }
  activator_.emplace(shelf_, cache_ ? &*cache_ : nullptr,
                     [this](const ReleaseId& id) { return shelf_.verified(*session_.verifier(), id); });
  runner_context_.emplace(
      RunnerContext{session_, clock_, shelf_, tracks_, *activator_, tracker_, options_.hook_options, options_.allow_code_formats});
  collector_.emplace(shelf_, options_.retention, collector_owner());
  SHOAL_TRY(node_, Node::start(session_, options_.node));
  deliveries_ = std::make_unique<Deliveries>(session_, shelf_, *node_, tasks_, options_.allow_code_formats, delivery_events());
  SHOAL_CHECK(serve_the_shelf());
  reporter_ = std::make_unique<Reporter>(session_);
  follower_ = std::make_unique<Follower>(session_, clock_, shelf_, follower_events());
  SHOAL_TRY(control_, ControlServer::start(session_.state(), answer_with(control_handlers(), clock_), works()));
  next_collection_ = clock_.steady_now() + collection_period;
  load_subscriptions();
  publish_view();
  return open_gateway();
}

Agent::~Agent() {
  stopping_ = true;
  tasks_.close();
  gateway_.reset();
  library_.reset();
  control_.reset();
  follower_.reset();
  for (auto& [key, channel] : channels_) channel.request_stop();
  if (deliveries_) deliveries_->cancel_all();
  channels_.clear();
  deliveries_.reset();
  reporter_.reset();
  node_.reset();
}

/// Restarted, a node serves at once what it has.
Status Agent::serve_the_shelf() {
  SHOAL_TRY(auto held, shelf_.held());
  for (const ReleaseId& id : held) {
    auto content = shelved(session_, shelf_, id);
    const InfoHash hash = content.ok() ? content->metainfo.info_hash() : InfoHash{};
    const Status served = content.ok() ? node_->contents().keep(id, std::move(content).value()) : Status(content.error());
    if (served.ok()) served_.insert_or_assign(id, hash);
    else log::warn("release_not_served", {{"release", id.hex()}, {"reason", served.error().message}});
  }
  return {};
}

Follower::Events Agent::follower_events() {
  auto on_channel = [this](const ChannelKey& key, std::function<void(ChannelRunner&)> work) {
    tasks_.post([this, key, work = std::move(work)] {
      if (ChannelRunner* channel = find(key)) work(*channel);
    });
  };
  Follower::Events events;
  events.updated = [on_channel](const PointerUpdate& update) {
    on_channel(update.key, [update](ChannelRunner& channel) { channel.update(update); });
  };
  events.failed = [on_channel](const ChannelKey& key, const Error& error) {
    on_channel(key, [why = error.message](ChannelRunner& channel) { channel.set_problem(why); });
  };
  events.checked = [on_channel](const ChannelKey& key) { on_channel(key, [](ChannelRunner& channel) { channel.set_problem(""); }); };
  events.tracker = [this](const TrackerView& view) { tasks_.post([this, view] { tracker_ = view; }); };
  events.issued = [this](WallTime time) { clock_.raise(time); };
  events.stated = [this](WallTime time) { clock_.agree(time); };
  return events;
}

void Agent::describe(metrics::Page& page) const {
  describe_node(page, *view_.lock(), clock_.now());
  swarm::describe_engine(page, node_->mesh(), node_->swarm());
}

void Agent::change(AgentSettings settings) {
  settings_ = std::move(settings);
  load_subscriptions();
  apply_limits();
}

void Agent::run(cli::Service& service) {
  const std::stop_token stop = service.stop();
  out_.running(node_->mesh().port(), served_.size(), channels_.size(), gateway());
  service.ready(service_status(*view_.lock()));
  while (!stop.stop_requested()) {
    tasks_.run_for(std::min(tick_period, service.longest_wait()), stop);
    tick();
    service.alive(service_status(*view_.lock()));
  }
}

void Agent::tick() {
  if (subscriptions_.stamp() != subscriptions_stamp_) load_subscriptions();
  for (auto& [key, channel] : channels_) channel.tick();
  deliver_waiting();
  tell_stalls();
  apply_limits();
  if (clock_.steady_now() >= next_collection_) {
    if (auto done = collect_garbage(false, 0); !done.ok()) log::warn("gc_failed", {{"reason", done.error().message}});
  }
  publish_view();
}

/// Fetches that stall or go on.
void Agent::tell_stalls() {
  deliveries_->report_stalls([this](const ReleaseId& id, const StallNews::News& news) {
    for (const auto& [key, channel] : channels_)
      if (channel.track().wanted == id) out_.stalled(key, channel.track().wanted_version, id, news);
  });
}

void Agent::apply_limits() {
  for (auto* order : {&upload_order_, &download_order_})
    if (*order && clock_.steady_now() >= (*order)->until) order->reset();
  Rates wanted = settings_.schedule.at(local_time(clock_.now()), settings_.limits);
  if (upload_order_) wanted.upload = upload_order_->rate;
  if (download_order_) wanted.download = download_order_->rate;
  if (wanted == limits_) return;
  limits_ = wanted;
  node_->swarm().set_limits(wanted.upload, wanted.download);
}

/// Called by the thread of a delivery, before its first byte.
Status Agent::make_room(const manifest::VerifiedRelease& release, const std::stop_token& stop) {
  const ByteCount quota = options_.retention.quota;
  if (quota == 0) return {};
  const ByteCount size = release->total_size();
  if (size > quota)
    return fail(ErrorCode::no_space, title(*release) + " has " + format_bytes(size) + ", more than the quota of " + format_bytes(quota) +
                                         ": raise it (--quota)");
  auto may_wait = [this, &stop] { return stop.stop_requested() || stopping_ ? fail(ErrorCode::interrupted, "interrupted") : Status(); };
  SHOAL_TRY(const GcReport report, on_loop<GcReport>([this, size] { return collect_garbage(false, size); }, may_wait));
  if (report.bytes_held + size <= quota) return {};
  return fail(ErrorCode::no_space, title(*release) + " needs " + format_bytes(size) + " beside the " + format_bytes(report.bytes_held) +
                                       " that must stay, and the quota is " + format_bytes(quota) +
                                       ": raise it (--quota), or unpin something");
}

Collector::Owner Agent::collector_owner() {
  Collector::Owner owner;
  owner.in_use = [this](const ReleaseId& id) { return in_use(id); };
  owner.is_wanted = [this](const ReleaseId& id) { return deliveries_->contains(id) || is_wanted(id) || repairing_.contains(id); };
  owner.hide = [this](const ModelName& model, const ReleaseId& id) { return activator_->hide(model, id); };
  owner.stop_serving = [this](const ReleaseId& id) {
    node_->contents().forget(id);
    served_.erase(id);
    deliveries_->forget(id);
  };
  return owner;
}

bool Agent::in_use(const ReleaseId& id) const {
  for (const auto& [key, channel] : channels_)
    if (channel.needs(id)) return true;
  if (deliveries_->is_under_way(id) || has_orders(id)) return true;
  auto served = served_.find(id);
  auto progress = served == served_.end() ? std::nullopt : node_->swarm().progress(served->second);
  return progress && progress->peers > 0;  // a peer that fetches it is linked, even while it stalls
}

Result<GcReport> Agent::collect_garbage(bool dry_run, ByteCount wanted_besides) {
  next_collection_ = clock_.steady_now() + collection_period;
  return collector_->collect(dry_run, wanted_besides, clock_.now());
}

void Agent::publish_view() {
  AgentView view;
  view.port = node_->mesh().port();
  view.tracker = tracker_;
  view.clock_suspect = clock_.suspect();
  view.certificate_until = session_.credentials().current()->self.not_after;
  view.trust_root_until = session_.verifier()->root().expires;
  view.limits = limits_;
  view.quota = options_.retention.quota;
  view.serving = served_.size();
  for (const auto& [key, channel] : channels_) {
    const auto& wanted = channel.track().wanted;
    if (wanted)
      if (auto arrived = deliveries_->arrival(*wanted)) view.transfers.push_back({*wanted, *arrived, deliveries_->transfer(*wanted)});
    view.channels.push_back({key, channel.track(), channel.link(), channel.problem(), std::nullopt});
    if (!wanted || !deliveries_->is_under_way(*wanted)) continue;
    view.channels.back().progress = deliveries_->progress(*wanted);
    view.channels.back().transfer = deliveries_->transfer(*wanted);
  }
  for (const PullOrders::Order& order : orders_.all())
    view.pulls.push_back({order.reference.str(),
                          {order.reference.model, order.version},
                          order.release,
                          deliveries_->progress(order.release),
                          deliveries_->transfer(order.release)});
  if (auto space = disk_space(session_.state()); space.ok()) {
    view.disk_free = space->free;
    view.disk_size = space->size;
  }
  reporter_->update(report_of(view, options_.software));
  *view_.lock() = std::move(view);
}

ControlHandlers Agent::control_handlers() {
  ControlHandlers handlers;
  handlers.status = [this] { return newest_view(); };
  handlers.collect = [this](bool dry_run) {
    return on_loop<GcReport>([this, dry_run] { return collect_garbage(dry_run, 0); }, patience());
  };
  handlers.limit = [this](const ControlOrder& order) {
    return on_loop<Rates>([this, order]() -> Result<Rates> { return order_limits(order); }, patience());
  };
  handlers.pin = [this](const ControlOrder& order) -> Status {
    auto pinned = [this, order]() -> Result<bool> {
      SHOAL_CHECK(Pins(shelf_.state()).pin(order.release, order.reason, order.until, clock_.now()));
      return true;
    };
    SHOAL_CHECK(on_loop<bool>(pinned, patience()));
    return {};
  };
  handlers.unpin = [this](const ReleaseId& id) {
    return on_loop<bool>([this, id] { return Pins(shelf_.state()).unpin(id, clock_.now()); }, patience());
  };
  return handlers;
}

/// While the agent is busy, the last one.
AgentView Agent::newest_view() {
  (void)on_loop<bool>([this]() -> Result<bool> { return publish_view(), true; }, patience(status_patience));
  return *view_.lock();
}

Rates Agent::order_limits(const ControlOrder& order) {
  const SteadyTime until = clock_.steady_now() + order.lasts;
  if (order.upload) upload_order_ = LimitOrder{*order.upload, until};
  if (order.download) download_order_ = LimitOrder{*order.download, until};
  apply_limits();
  return limits_;
}

/// An error once the time is up, or when the agent ends.
std::function<Status()> Agent::patience(std::chrono::seconds time) const {
  return [this, until = clock_.steady_now() + time] {
    return stopping_ || clock_.steady_now() >= until ? fail("the running node is busy: try again") : Status();
  };
}

}  // namespace shoal::node
