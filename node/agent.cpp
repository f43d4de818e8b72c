#include "node/agent.hpp"

#include "base/log.hpp"
#include "base/shutdown.hpp"
#include "swarm/engine_metrics.hpp"

namespace shoal::node {
namespace {

constexpr std::chrono::milliseconds tick_period{500};
constexpr std::chrono::minutes collection_period{10};
constexpr std::chrono::seconds answer_patience{20}, status_patience{2};

cli::Output::Options silent() {
  cli::Output::Options options;
  options.quiet = true;
  return options;
}

}  // namespace

Agent::Agent(swarm::MemberSession& session, FlooredClock& clock, AgentOptions options, cli::Output& out)
    : session_(session),
      clock_(clock),
      options_(std::move(options)),
      settings_(options_.settings),
      out_(out),
      quiet_(silent()),
      shelf_(session.state()),
      tracks_(session.state()),
      subscriptions_(session.state()),
      pins_(session.state()) {}

Result<std::unique_ptr<Agent>> Agent::start(swarm::MemberSession& session, FlooredClock& clock, AgentOptions options, cli::Output& out) {
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
  activator_.emplace(session_, shelf_, cache_ ? &*cache_ : nullptr);
  SHOAL_TRY(node_, Node::start(session_, options_.node));
  SHOAL_CHECK(serve_the_shelf());
  reporter_ = std::make_unique<Reporter>(session_);
  follower_ = std::make_unique<Follower>(session_, clock_, shelf_, follower_events());
  SHOAL_TRY(control_, ControlServer::start(session_.state(), [this](const Json& request) { return answer(request); }));
  next_collection_ = clock_.steady_now() + collection_period;
  load_subscriptions();
  publish_view();
  return {};
}

Agent::~Agent() {
  stopping_ = true;
  tasks_.close();
  control_.reset();
  follower_.reset();
  for (auto& [key, channel] : channels_) channel.activation.request_stop();
  for (auto& [id, delivery] : deliveries_) delivery.delivery->cancel();
  channels_.clear();
  deliveries_.clear();
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
    else log::warn("release.not_served", {{"release", id.hex()}, {"error", served.error().message}});
  }
  return {};
}

Follower::Events Agent::follower_events() {
  Follower::Events events;
  events.offered = [this](Offer offer) { tasks_.post([this, offer = std::move(offer)] { offered(offer); }); };
  events.troubled = [this](const ChannelKey& key, const Error& error) {
    tasks_.post([this, key, error] {
      auto found = channels_.find(key);
      if (found != channels_.end()) found->second.problem = error.message;
    });
  };
  events.well = [this](const ChannelKey& key) {
    tasks_.post([this, key] {
      auto found = channels_.find(key);
      if (found != channels_.end()) found->second.problem.clear();
    });
  };
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
  out_.result({{"type", "running"}, {"listen", node_->mesh().port()}, {"serving", served_.size()}, {"follows", channels_.size()}},
              "node on port " + std::to_string(node_->mesh().port()) + " follows " + std::to_string(channels_.size()) +
                  " channels and serves " + std::to_string(served_.size()) + " releases; interrupt to stop");
  service.ready(service_status(*view_.lock()));
  while (!stop.stop_requested()) {
    tasks_.run_for(std::min(tick_period, service.longest_wait()), stop);
    tick();
    service.alive(service_status(*view_.lock()));
  }
}

void Agent::tick() {
  if (subscriptions_.stamp() != subscriptions_stamp_) load_subscriptions();
  for (auto& [key, channel] : channels_) {
    if (channel.track.phase == Phase::failed) try_again(key, channel);
    if (channel.track.phase == Phase::ready) try_to_activate(key, channel);
  }
  deliver_waiting();
  tell_stalls();
  apply_limits();
  if (clock_.steady_now() >= next_collection_) {
    if (auto done = collect_garbage(false, 0); !done.ok()) log::warn("gc.failed", {{"error", done.error().message}});
  }
  publish_view();
}

/// Fetches that come to a stall, or go on.
void Agent::tell_stalls() {
  for (auto& [id, way] : deliveries_) {
    const auto progress = way.done ? std::nullopt : node_->swarm().progress(way.content);
    auto news = way.stalls.next(progress ? progress->stall : swarm::Stall{});
    if (!news) continue;
    for (const auto& [key, channel] : channels_) {
      if (channel.track.wanted != id) continue;
      news->line["model"] = key.model.str();
      news->line["channel"] = key.channel.str();
      news->line["release"] = id.hex();
      out_.result(news->line, key.str() + " " + channel.track.wanted_version + " " + news->text);
    }
  }
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
  if (options_.retention.quota == 0) return {};
  const ByteCount size = release->total_size();
  if (size > options_.retention.quota)
    return fail(ErrorCode::no_space, title(*release) + " has " + format_bytes(size) + ", more than the quota of " +
                                         format_bytes(options_.retention.quota) + ": raise it (--quota)");
  auto done = std::make_shared<std::promise<Result<Json>>>();
  auto answer = done->get_future();
  tasks_.post([this, size, done] { done->set_value(collect_garbage(false, size)); });
  while (answer.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready)
    if (stop.stop_requested() || stopping_) return fail(ErrorCode::interrupted, "interrupted");
  SHOAL_TRY(Json report, answer.get());
  if (report["bytes_held"].get<ByteCount>() + size <= options_.retention.quota) return {};
  return fail(ErrorCode::no_space, title(*release) + " needs " + format_bytes(size) + " beside the " +
                                       format_bytes(report["bytes_held"].get<ByteCount>()) + " that must stay, and the quota is " +
                                       format_bytes(options_.retention.quota) + ": raise it (--quota), or unpin something");
}

bool Agent::in_use(const ReleaseId& id) const {
  for (const auto& [key, channel] : channels_) {
    const bool under_way = channel.track.phase != Phase::active && channel.track.phase != Phase::idle;
    if (channel.track.active == id || (under_way && channel.track.wanted == id)) return true;
  }
  auto way = deliveries_.find(id);
  if (way != deliveries_.end() && !way->second.done) return true;
  auto served = served_.find(id);
  auto progress = served == served_.end() ? std::nullopt : node_->swarm().progress(served->second);
  return progress && progress->peers > 0;  // who fetches it is linked, also while that stalls: later
}

Result<Json> Agent::collect_garbage(bool dry_run, ByteCount wanted_besides) {
  next_collection_ = clock_.steady_now() + collection_period;
  SHOAL_TRY(auto held, survey_releases(shelf_, pins_, clock_.now()));
  const auto tracks = tracks_.all();
  for (HeldRelease& each : held) {
    each.in_use = in_use(each.id);
    for (const auto& [key, track] : tracks) each.previous |= track.previous == each.id;
  }
  RetentionPolicy policy = options_.retention;
  if (policy.quota > 0) policy.quota -= std::min(policy.quota - 1, wanted_besides);
  Json removed = Json::array();
  ByteCount sum = 0, freed = 0;
  for (const HeldRelease& each : held) sum += each.bytes;
  for (const ReleaseId& id : choose_removals(held, policy, clock_.now())) {
    auto release = shelf_.verified(*session_.verifier(), id);
    const ByteCount bytes = std::find_if(held.begin(), held.end(), [&](const auto& each) { return each.id == id; })->bytes;
    if (!dry_run) {
      forget(id);
      if (cache_ && release) (void)cache_->remove((*release)->model, id);
      SHOAL_CHECK(remove_release(shelf_, id));
    }
    removed.push_back({{"release", id.hex()}, {"title", release ? title(**release) : "(no valid manifest)"}, {"bytes", bytes}});
    freed += bytes;
  }
  SHOAL_TRY(Json leftovers, drop_leftovers(dry_run));
  return Json{{"type", "gc"},         {"dry_run", dry_run},       {"removed", removed}, {"unfinished", leftovers},
              {"bytes_freed", freed}, {"bytes_held", sum - freed}};
}

/// Fetches that were begun and that nothing wants any more.
Result<Json> Agent::drop_leftovers(bool dry_run) {
  Json dropped = Json::array();
  std::vector<ReleaseId> unwanted;
  SHOAL_TRY(auto begun, shelf_.begun());
  for (const ReleaseId& id : begun)
    if (!deliveries_.contains(id) && !is_wanted(id)) unwanted.push_back(id);
  for (const ReleaseId& id : unwanted) {
    if (!dry_run) SHOAL_CHECK(remove_incoming(shelf_, id));
    dropped.push_back(id.hex());
  }
  return dropped;
}

/// Stops serving it, so that it may go.
void Agent::forget(const ReleaseId& id) {
  node_->contents().forget(id);
  served_.erase(id);
  deliveries_.erase(id);
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
    view.channels.push_back({key, channel.track, shelf_.link({key.model, std::nullopt, key.channel}), channel.problem, std::nullopt});
    auto way = channel.track.wanted ? deliveries_.find(*channel.track.wanted) : deliveries_.end();
    if (way == deliveries_.end() || way->second.done) continue;
    view.channels.back().progress = node_->swarm().progress(way->second.content);
    view.channels.back().transfer = node_->transfer(way->second.content);
  }
  reporter_->update(report_of(view, options_.software));
  *view_.lock() = std::move(view);
}

Result<Json> Agent::answer(const Json& request) {
  SHOAL_TRY(const ControlOrder order, read_order(request));
  if (order.command == "status") {
    auto newest = on_loop([this]() -> Result<Json> { return publish_view(), to_json(*view_.lock(), clock_.now()); }, status_patience);
    return newest.ok() ? std::move(newest) : Result<Json>(to_json(*view_.lock(), clock_.now()));
  }
  if (order.command == "gc") return on_loop([this, dry_run = order.dry_run] { return collect_garbage(dry_run, 0); }, answer_patience);
  if (order.command == "limit") return on_loop([this, order] { return order_limits(order); }, answer_patience);
  return fail(ErrorCode::usage, "the running node does not know '" + printable(order.command) + "': it is of another version");
}

Result<Json> Agent::order_limits(const ControlOrder& order) {
  const SteadyTime until = clock_.steady_now() + order.lasts;
  if (order.upload) upload_order_ = LimitOrder{*order.upload, until};
  if (order.download) download_order_ = LimitOrder{*order.download, until};
  apply_limits();
  return Json{{"type", "limit"}, {"upload_limit", limits_.upload}, {"download_limit", limits_.download}};
}

Result<Json> Agent::on_loop(std::function<Result<Json>()> work, std::chrono::seconds patience) {
  auto done = std::make_shared<std::promise<Result<Json>>>();
  auto answer = done->get_future();
  tasks_.post([work = std::move(work), done] { done->set_value(work()); });
  const auto until = clock_.steady_now() + patience;
  while (answer.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready)
    if (stopping_ || clock_.steady_now() >= until) return fail("the running node is busy: try again");
  return answer.get();
}

}  // namespace shoal::node
