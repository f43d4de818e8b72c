// How an Agent connects the channels that it follows with the deliveries that bring what they want.
#include <algorithm>

#include "base/log.hpp"
#include "node/agent.hpp"

namespace shoal::node {
namespace {

/// Leaves out hooks that cannot be read.
std::vector<Hook> hooks_of(const Subscription& subscription) {
  std::vector<Hook> hooks;
  for (const std::string& text : subscription.hooks) {
    auto hook = parse_hook(text);
    if (hook) hooks.push_back(std::move(hook).value());
    else log::error("hook_unreadable", {{"channel", subscription.key.str()}, {"reason", hook.error().message}});
  }
  return hooks;
}

}  // namespace

void Agent::load_subscriptions() {
  subscriptions_stamp_ = subscriptions_.stamp();
  auto by_command = subscriptions_.load();
  if (!by_command) return log::error("subscriptions_unreadable", {{"reason", by_command.error().message}});
  std::map<ChannelKey, Subscription> wanted;
  for (const Subscription& each : settings_.follow) wanted.emplace(each.key, each);
  for (const Subscription& each : *by_command) wanted.insert_or_assign(each.key, each);
  std::set<ChannelKey> keys;
  for (const auto& [key, subscription] : wanted) {
    keys.insert(key);
    open_channel(subscription);
  }
  // Waits for a switch that is under way.
  if (std::erase_if(channels_, [&](const auto& each) { return !keys.contains(each.first); }) > 0) drop_unwanted_deliveries();
  follower_->follow(std::move(keys));
}

void Agent::open_channel(const Subscription& subscription) {
  const auto [found, is_new] = channels_.try_emplace(subscription.key, *runner_context_, subscription.key, runner_events());
  ChannelRunner& channel = found->second;
  channel.set_hooks(subscription.hooks.empty() ? settings_.hooks : hooks_of(subscription));
  if (is_new) channel.resume();
}

ChannelRunner* Agent::find(const ChannelKey& key) {
  auto found = channels_.find(key);
  return found == channels_.end() ? nullptr : &found->second;
}

ChannelRunner::Events Agent::runner_events() {
  ChannelRunner::Events events;
  events.deliver = [this](ChannelRunner& channel) { deliver(channel); };
  events.no_longer_wanted = [this] { drop_unwanted_deliveries(); };
  events.failed = [this](const ChannelRunner& channel, const Error& error) { out_.failed(channel.key(), channel.track(), error); };
  events.activated = [this](const ChannelRunner& channel) {
    out_.activated(channel.key(), channel.track(), channel.link());
    next_collection_ = clock_.steady_now();
  };
  events.halted = [this](const ChannelRunner& channel) { out_.halted(channel.key(), channel.track()); };
  events.switched = [this](const ChannelKey& key, const manifest::VerifiedRelease& release, const Status& outcome) {
    tasks_.post([this, key, release, outcome] {
      if (ChannelRunner* channel = find(key)) channel->switched(release, outcome);
    });
  };
  return events;
}

Deliveries::Events Agent::delivery_events() {
  Deliveries::Events events;
  events.resolved = [this](const manifest::VerifiedRelease& release) {
    for (auto& [key, channel] : channels_) channel.resolved(release);
  };
  events.reached = [this](const ReleaseId& id, Phase phase) {
    for (auto& [key, channel] : channels_) {
      channel.reached(id, phase);
      if (phase == Phase::fetching && channel.wants(id)) out_.fetching(key, channel.track());
    }
  };
  events.done = [this](const ReleaseId& id, const Result<Delivered>& result) { delivered(id, result); };
  events.make_room = [this](const manifest::VerifiedRelease& release, const std::stop_token& stop) { return make_room(release, stop); };
  events.said = [this](const ReleaseId& id, const Json& event) { orders_.say(id, event); };
  return events;
}

/// Brings what the channel wants, or finds that it is here.
void Agent::deliver(ChannelRunner& channel) {
  const ReleaseId id = *channel.track().wanted;
  if (!served_.contains(id)) return deliveries_->begin(channel.key().model, id, orders_.allows_code(id));
  auto release = shelf_.verified(*session_.verifier(), id);
  if (!release) return channel.failed(release.error());
  if ((*release)->model != channel.key().model) return channel.failed(fail(ErrorCode::verification, "the release is of another model"));
  channel.became_ready(*release);
}

/// Begins deliveries that waited for room. The order of channels needs no queue: each release is fetched as fast as the network allows.
void Agent::deliver_waiting() {
  deliver_orders();
  for (auto& [key, channel] : channels_) {
    const Track& track = channel.track();
    if (track.phase != Phase::wanted || !track.wanted || deliveries_->is_under_way(*track.wanted)) continue;
    if (!deliveries_->has_room()) return;
    deliver(channel);
  }
}

bool Agent::is_wanted(const ReleaseId& id) const {
  return orders_.wants(id) || std::any_of(channels_.begin(), channels_.end(), [&](const auto& each) { return each.second.wants(id); });
}

void Agent::drop_unwanted_deliveries() {
  deliveries_->keep_only([this](const ReleaseId& id) { return is_wanted(id); });
}

void Agent::delivered(const ReleaseId& id, const Result<Delivered>& result) {
  if (result.ok()) {
    served_.insert_or_assign(id, result->release->swarm.info_hash);
    out_.fetched(id, result->report);
  }
  for (auto& [key, channel] : channels_) {
    if (!channel.wants(id)) continue;
    if (result.ok()) channel.became_ready(result->release);
    else channel.failed(result.error());
  }
  orders_.end(id, result);
}

}  // namespace shoal::node
