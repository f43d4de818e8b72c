// What an Agent does with the channels that it follows. The order of steps is the table of lifecycle.cpp; each is durable when it is taken.
#include <sys/resource.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "node/agent.hpp"
#include "node/refusals.hpp"

namespace shoal::node {
namespace {

/// Each delivery has a thread and connections of its own: a few descriptors. At least as many as anybody follows, with usual limits.
std::size_t most_deliveries() {
  constexpr rlim_t share = 32, fewest = 8;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fewest;
  return static_cast<std::size_t>(std::max(fewest, limit.rlim_cur / share));
}

}  // namespace

void Agent::load_subscriptions() {
  subscriptions_stamp_ = subscriptions_.stamp();
  auto by_command = subscriptions_.load();
  if (!by_command) return log::error("subscriptions.unreadable", {{"error", by_command.error().message}});
  std::map<ChannelKey, Subscription> wanted;
  for (const Subscription& each : settings_.follow) wanted.emplace(each.key, each);
  for (const Subscription& each : *by_command) wanted.insert_or_assign(each.key, each);
  std::set<ChannelKey> keys, gone;
  for (const auto& [key, subscription] : wanted) {
    keys.insert(key);
    open_channel(subscription);
  }
  for (const auto& [key, channel] : channels_)
    if (!keys.contains(key)) gone.insert(key);
  for (const ChannelKey& key : gone) close_channel(key);
  follower_->follow(std::move(keys));
}

void Agent::open_channel(const Subscription& subscription) {
  std::vector<Hook> hooks;
  for (const std::string& text : subscription.hooks) {
    auto hook = parse_hook(text);
    if (hook) hooks.push_back(std::move(hook).value());
    else log::error("hook.unreadable", {{"channel", subscription.key.str()}, {"error", hook.error().message}});
  }
  if (subscription.hooks.empty()) hooks = settings_.hooks;
  auto [found, is_new] = channels_.try_emplace(subscription.key);
  Channel& channel = found->second;
  channel.hooks = std::move(hooks);
  if (!is_new) return;
  auto track = tracks_.load(subscription.key);
  if (track) channel.track = std::move(track).value();
  else log::error("track.unreadable", {{"channel", subscription.key.str()}, {"error", track.error().message}});
  channel.track.phase = after_restart(channel.track.phase);
  // The consent is another: what was refused is not left waiting.
  if (channel.track.phase == Phase::failed && channel.track.wanted &&
      Refusals(session_.state()).is_void(*channel.track.wanted, options_.allow_code_formats))
    channel.track.retry_at = clock_.now();
  // The disk is right: `pull` may have moved the link, too, and a machine that was killed may have moved it without noting it.
  auto linked = shelf_.linked({subscription.key.model, std::nullopt, subscription.key.channel});
  const bool redo = channel.track.phase == Phase::ready;
  if (linked && !redo) found_active(channel.track, *linked);
  if (!linked) channel.track.active.reset();
  if (channel.track.phase == Phase::active && channel.track.wanted != channel.track.active) channel.track.phase = Phase::wanted;
  if (redo) channel.track.phase = Phase::wanted;
  show_active(subscription.key, channel);
  if (channel.track.phase == Phase::wanted && channel.track.wanted) deliver(subscription.key, channel);
}

/// What the link points at, whoever set it: also `pull`, which keeps no track.
void Agent::found_active(Track& track, const ReleaseId& id) const {
  if (track.active == id && !track.active_version.empty()) return;
  track.active = id;
  const auto release = shelf_.verified(*session_.verifier(), id);
  track.active_version = release.ok() ? (*release)->version.str() : "";
}

/// For a Hugging Face layout that was asked for after the release became active.
void Agent::show_active(const ChannelKey& key, const Channel& channel) {
  if (!channel.track.active || !cache_) return;
  auto release = shelf_.verified(*session_.verifier(), *channel.track.active);
  Status shown = release.ok() ? activator_->show(key, *release) : Status(release.error());
  if (!shown.ok()) log::warn("cache.not_shown", {{"channel", key.str()}, {"error", shown.error().message}});
}

void Agent::close_channel(const ChannelKey& key) {
  channels_.erase(key);  // waits for a switch that is under way
  drop_unwanted_deliveries();
}

void Agent::offered(const Offer& offer) {
  auto found = channels_.find(offer.key);
  if (found == channels_.end()) return;
  Channel& channel = found->second;
  // Durable before anything follows from it: after a crash an older pointer is refused already.
  if (Status noted = shelf_.record_seen(*offer.pointer); !noted.ok())
    return log::error("pointer.not_noted", {{"error", noted.error().message}});
  failpoint("node.pointer_noted");
  channel.track.halted = offer.halted;
  channel.track.pointer = {offer.pointer->epoch, offer.pointer->sequence};
  channel.track.pointer_expires = offer.pointer->expires;
  channel.track.note = note_on(*offer.pointer, session_.self().id);
  auto wanted = wanted_by(*offer.pointer, session_.self().id, channel.track.active);
  if (wanted) want(offer.key, channel, *wanted);
  save(offer.key, channel);
}

void Agent::want(const ChannelKey& key, Channel& channel, const ReleaseId& id) {
  Track& track = channel.track;
  if (track.phase == Phase::activating) {
    // Decided again when the switch is over (switched).
    track.wanted = id;
    return;
  }
  const bool same = track.wanted == id && track.phase != Phase::idle;
  if (same && (track.phase != Phase::active || track.active == id)) return;
  track.wanted = id;
  track.reason.clear();
  track.failures = 0;
  channel.ready.reset();
  if (runs(key, track, id)) {
    track.take(Step::settle);
    track.wanted_version = track.active_version;
    return drop_unwanted_deliveries();
  }
  track.wanted_version.clear();
  track.take(Step::want);
  drop_unwanted_deliveries();
  begin_try(key, channel);
}

/// From the beginning, what failed: when its time has come, or at once where a later pointer asks for it.
void Agent::try_again(const ChannelKey& key, Channel& channel) {
  Track& track = channel.track;
  const bool called = is_called_again(track.tried, track.pointer, track.halted);
  if (!called && !is_due(track.retry_at, clock_.now())) return;
  if (called) track.failures = 0;
  if (track.take(Step::retry)) begin_try(key, channel);
}

void Agent::begin_try(const ChannelKey& key, Channel& channel) {
  channel.track.tried = channel.track.pointer;
  deliver(key, channel);
}

/// By the disk: a switch that was cut off may have moved the link away from what the track calls active.
bool Agent::runs(const ChannelKey& key, const Track& track, const ReleaseId& id) const {
  auto linked = shelf_.linked({key.model, std::nullopt, key.channel});
  return track.active == id && linked && *linked == id;
}

/// A stalled one holds up no other.
std::size_t Agent::deliveries_under_way() const {
  return static_cast<std::size_t>(std::count_if(deliveries_.begin(), deliveries_.end(), [&](const auto& each) {
    if (each.second.done) return false;
    const auto progress = node_->swarm().progress(each.second.content);
    return !progress || !progress->stall.stalled;
  }));
}

/// What has been waiting for its turn. Nothing in the order of channels is worth a queue: each is brought as fast as the network allows.
void Agent::deliver_waiting() {
  for (auto& [key, channel] : channels_) {
    if (channel.track.phase != Phase::wanted || !channel.track.wanted) continue;
    if (deliveries_under_way() >= most_deliveries()) return;
    if (const auto way = deliveries_.find(*channel.track.wanted); way == deliveries_.end() || way->second.done) deliver(key, channel);
  }
}

/// Brings what the channel wants, or finds that it is here.
void Agent::deliver(const ChannelKey& key, Channel& channel) {
  const ReleaseId id = *channel.track.wanted;
  save(key, channel);
  if (served_.contains(id)) {
    auto release = shelf_.verified(*session_.verifier(), id);
    if (!release) return failed(key, channel, release.error());
    if ((*release)->model != key.model) return failed(key, channel, fail(ErrorCode::verification, "the release is of another model"));
    return became_ready(key, channel, *release);
  }
  if (auto way = deliveries_.find(id); way != deliveries_.end() && !way->second.done) return;
  // tick() comes back to it.
  if (deliveries_under_way() >= most_deliveries()) return;
  OnItsWay way;
  way.ticket = ++ticket_;
  auto mine = [this, id, ticket = way.ticket](std::function<void()> work) {
    tasks_.post([this, id, ticket, work = std::move(work)] {
      auto found = deliveries_.find(id);
      if (found != deliveries_.end() && found->second.ticket == ticket) work();
    });
  };
  Delivery::Events events;
  events.resolved = [this, id, mine](const manifest::VerifiedRelease& release) { mine([this, id, release] { resolved(id, release); }); };
  events.make_room = [this](const manifest::VerifiedRelease& release, const std::stop_token& stop) { return make_room(release, stop); };
  events.phase = [this, id, mine](Phase phase) { mine([this, id, phase] { reached(id, phase); }); };
  events.done = [this, id, mine](Result<Delivered> result) {
    mine([this, id, result = std::move(result)]() mutable { delivered(id, std::move(result)); });
  };
  deliveries_.erase(id);
  way.delivery = std::make_unique<Delivery>(session_, shelf_, *node_, quiet_, Delivery::Order{key.model, id, options_.allow_code_formats},
                                            std::move(events));
  deliveries_.emplace(id, std::move(way));
}

bool Agent::is_wanted(const ReleaseId& id) const {
  for (const auto& [key, channel] : channels_)
    if (channel.track.wanted == id && channel.track.phase != Phase::active) return true;
  return false;
}

void Agent::drop_unwanted_deliveries() {
  std::erase_if(deliveries_, [&](const auto& each) { return !each.second.done && !is_wanted(each.first); });
}

void Agent::resolved(const ReleaseId& id, const manifest::VerifiedRelease& release) {
  deliveries_.at(id).content = release->swarm.info_hash;
  for (auto& [key, channel] : channels_)
    if (channel.track.wanted == id) channel.track.wanted_version = release->version.str();
}

void Agent::reached(const ReleaseId& id, Phase phase) {
  const Step step = phase == Phase::admitted ? Step::admit : phase == Phase::fetching ? Step::fetch : Step::verify;
  for (auto& [key, channel] : channels_)
    if (channel.track.wanted == id && channel.track.take(step)) save(key, channel);
}

void Agent::delivered(const ReleaseId& id, Result<Delivered> result) {
  if (!result) {
    deliveries_.erase(id);
    for (auto& [key, channel] : channels_)
      if (channel.track.wanted == id && channel.track.phase != Phase::active) failed(key, channel, result.error());
    return;
  }
  deliveries_.at(id).done = true;
  served_.insert_or_assign(id, result->release->swarm.info_hash);
  const PullReport& report = result->report;
  out_.result({{"type", "fetched"},
               {"model", report.model.str()},
               {"version", report.version.str()},
               {"release", id.hex()},
               {"bytes", report.bytes},
               {"bytes_from_source", report.from_source},
               {"bytes_from_peers", report.from_peers},
               {"bytes_from_mirrors", report.from_mirrors},
               {"bytes_reused", report.reused}},
              report.model.str() + "@" + report.version.str() + " fetched: " + format_bytes(report.from_source) + " from the source, " +
                  format_bytes(report.from_peers) + " from peers, " + format_bytes(report.reused) + " were here already");
  for (auto& [key, channel] : channels_)
    if (channel.track.wanted == id && channel.track.phase != Phase::active) became_ready(key, channel, result->release);
}

void Agent::became_ready(const ChannelKey& key, Channel& channel, const manifest::VerifiedRelease& release) {
  channel.track.wanted_version = release->version.str();
  if (!channel.track.take(Step::prepare)) return;
  channel.ready = release;
  save(key, channel);
  failpoint("node.ready");
  try_to_activate(key, channel);
}

void Agent::failed(const ChannelKey& key, Channel& channel, const Error& error) {
  if (!channel.track.take(Step::fail)) return;
  channel.track.reason = error.message;
  channel.track.retry_at = clock_.now() + retry_delay(channel.track.failures++);
  save(key, channel);
  out_.result({{"type", "failed"},
               {"model", key.model.str()},
               {"channel", key.channel.str()},
               {"code", std::string(name(error.code))},
               {"release", channel.track.wanted ? channel.track.wanted->hex() : ""},
               {"reason", error.message},
               {"retry_at", format_time(channel.track.retry_at)}},
              key.str() + " failed: " + error.message + "; tried again at " + format_time(channel.track.retry_at));
}

/// Expired metadata never stops what is active; it holds back what is new.
std::string Agent::why_not_now(const Channel& channel) const {
  const WallTime now = clock_.now();
  if (channel.track.halted) return "the rollout was halted: too many nodes reported that this release fails";
  if (channel.track.pointer_expires && now > *channel.track.pointer_expires)
    return "the channel's pointer expired at " + format_time(*channel.track.pointer_expires) +
           ": a publisher renews it ('shoal channel renew')";
  if (tracker_.statements && (!tracker_.fresh_until || now > *tracker_.fresh_until))
    return "there is no fresh statement of the tracker: it may be withholding a newer pointer";
  return "";
}

void Agent::try_to_activate(const ChannelKey& key, Channel& channel) {
  std::string reason = why_not_now(channel);
  if (reason != channel.track.reason) {
    channel.track.reason = reason;
    save(key, channel);
  }
  if (!reason.empty() || !channel.ready || !channel.track.take(Step::activate)) return;
  channel.track.tried = channel.track.pointer;
  save(key, channel);
  failpoint("node.activating");
  Switch order{key, *channel.ready, channel.track.active, channel.hooks, options_.hook_options, options_.allow_code_formats};
  channel.activation = std::jthread([this, order = std::move(order)](const std::stop_token& stop) {
    Status outcome = activator_->activate(order, stop);
    tasks_.post([this, key = order.key, release = order.release, outcome] { switched(key, release, outcome); });
  });
}

void Agent::switched(const ChannelKey& key, const manifest::VerifiedRelease& release, const Status& outcome) {
  auto found = channels_.find(key);
  if (found == channels_.end()) return;
  Channel& channel = found->second;
  Track& track = channel.track;
  const std::optional<ReleaseId> newest = track.wanted;
  track.wanted = release.id();
  if (outcome.ok()) {
    if (track.active && *track.active != release.id()) {
      (void)mark_used(shelf_, *track.active, clock_.now());
      track.previous = track.active;
    }
    track.active = release.id();
    track.active_version = track.wanted_version = release->version.str();
    track.failures = 0;
    track.take(Step::succeed);
    save(key, channel);
    failpoint("node.activated");
    out_.result({{"type", "activated"},
                 {"model", key.model.str()},
                 {"channel", key.channel.str()},
                 {"version", track.active_version},
                 {"release", release.id().hex()},
                 {"path", shelf_.link({key.model, std::nullopt, key.channel}).string()},
                 {"previous", track.previous ? track.previous->hex() : ""}},
                key.str() + " runs " + track.active_version);
    next_collection_ = clock_.steady_now();
  } else {
    failed(key, channel, outcome.error());
  }
  if (newest && *newest != release.id()) want(key, channel, *newest);
}

void Agent::save(const ChannelKey& key, const Channel& channel) {
  Status saved = tracks_.save(key, channel.track);
  if (!saved.ok()) log::error("track.not_saved", {{"channel", key.str()}, {"error", saved.error().message}});
}

}  // namespace shoal::node
