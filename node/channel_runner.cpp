#include "node/channel_runner.hpp"

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "node/refusals.hpp"
#include "node/retention.hpp"

namespace shoal::node {

ChannelRunner::ChannelRunner(const RunnerContext& context, ChannelKey key, Events events)
    : context_(context), key_(std::move(key)), events_(std::move(events)) {}

bool ChannelRunner::needs(const ReleaseId& id) const {
  const bool under_way = track_.phase != Phase::active && track_.phase != Phase::idle;
  return track_.active == id || (under_way && track_.wanted == id);
}

void ChannelRunner::resume() {
  load_track();
  compare_with_link();
  show_active();
  if (track_.phase == Phase::wanted && track_.wanted) deliver();
}

void ChannelRunner::load_track() {
  auto track = context_.tracks.load(key_);
  if (track) track_ = std::move(track).value();
  else log::error("track_unreadable", {{"channel", key_.str()}, {"reason", track.error().message}});
  track_.phase = after_restart(track_.phase);
  // The consent is another: what was refused is not left waiting.
  if (track_.phase == Phase::failed && track_.wanted &&
      Refusals(context_.session.state()).is_void(*track_.wanted, context_.allow_code_formats))
    track_.retry_at = context_.clock.now();
}

/// The disk is right: `pull` may have moved the link as well, and a machine that was killed may have moved it without noting it.
void ChannelRunner::compare_with_link() {
  const auto linked = context_.shelf.linked({key_.model, std::nullopt, key_.channel});
  const bool redo = track_.phase == Phase::ready;
  adopts_ = linked && !redo && track_.active != *linked;
  if (linked && !redo) note_active(*linked);
  if (!linked) track_.active.reset();
  if (track_.phase == Phase::active && track_.wanted != track_.active) track_.phase = Phase::wanted;
  if (redo) track_.phase = Phase::wanted;
}

void ChannelRunner::note_active(const ReleaseId& id) {
  if (track_.active == id && !track_.active_version.empty()) return;
  track_.active = id;
  const auto release = context_.shelf.verified(*context_.session.verifier(), id);
  track_.active_version = release.ok() ? (*release)->version.str() : "";
}

/// For a Hugging Face layout that was configured after the release became active.
void ChannelRunner::show_active() {
  if (!track_.active || !context_.activator.has_cache()) return;
  auto release = context_.shelf.verified(*context_.session.verifier(), *track_.active);
  Status shown = release.ok() ? context_.activator.show(key_, *release) : Status(release.error());
  if (!shown.ok()) log::warn("cache_not_updated", {{"channel", key_.str()}, {"reason", shown.error().message}});
}

void ChannelRunner::update(const PointerUpdate& update) {
  // Durable before anything follows from it: after a crash an older pointer is refused already.
  if (Status noted = context_.shelf.record_seen(*update.pointer); !noted.ok())
    return log::error("pointer_not_saved", {{"reason", noted.error().message}});
  failpoint("node.pointer_noted");
  const NodeId self = context_.session.self().id;
  const bool halts = update.halted && !track_.halted;
  track_.halted = update.halted;
  track_.pointer = {update.pointer->epoch, update.pointer->sequence};
  track_.pointer_expires = update.pointer->expires;
  track_.note = note_on(*update.pointer, self);
  if (auto wanted = wanted_by(*update.pointer, self, track_.active)) want(*wanted);
  save();
  if (halts) events_.halted(*this);
}

void ChannelRunner::tick() {
  if (track_.phase == Phase::failed) try_again();
  if (track_.phase == Phase::ready) try_to_activate();
}

void ChannelRunner::want(const ReleaseId& id) {
  if (track_.phase == Phase::activating) {
    track_.wanted = id;  // switched() decides again
    return;
  }
  const bool same = track_.wanted == id && track_.phase != Phase::idle;
  if (same && (track_.phase != Phase::active || track_.active == id)) return;
  track_.wanted = id;
  track_.reason.clear();
  track_.failure.clear();
  track_.failures = 0;
  ready_.reset();
  if (runs(id) && !std::exchange(adopts_, false)) {
    track_.take(Step::settle);
    track_.wanted_version = track_.active_version;
    return events_.no_longer_wanted();
  }
  track_.wanted_version.clear();
  track_.take(Step::want);
  events_.no_longer_wanted();
  begin_try();
}

/// Starts over after the delay, or at once if a later pointer names the release once more.
void ChannelRunner::try_again() {
  const bool called = is_called_again(track_.tried, track_.pointer, track_.halted);
  if (!called && !is_due(track_.retry_at, context_.clock.now())) return;
  if (called) track_.failures = 0;
  if (track_.take(Step::retry)) begin_try();
}

void ChannelRunner::begin_try() {
  track_.tried = track_.pointer;
  deliver();
}

void ChannelRunner::deliver() {
  save();
  events_.deliver(*this);
}

/// By the disk: a switch that was cut off may have moved the link away from what the track calls active.
bool ChannelRunner::runs(const ReleaseId& id) const {
  auto linked = context_.shelf.linked({key_.model, std::nullopt, key_.channel});
  return track_.active == id && linked && *linked == id;
}

void ChannelRunner::resolved(const manifest::VerifiedRelease& release) {
  if (track_.wanted == release.id()) track_.wanted_version = release->version.str();
}

void ChannelRunner::reached(const ReleaseId& id, Phase phase) {
  const Step step = phase == Phase::admitted ? Step::admit : phase == Phase::fetching ? Step::fetch : Step::verify;
  if (track_.wanted == id && track_.take(step)) save();
}

void ChannelRunner::became_ready(const manifest::VerifiedRelease& release) {
  if (!wants(release.id())) return;
  track_.wanted_version = release->version.str();
  if (!track_.take(Step::prepare)) return;
  ready_ = release;
  save();
  failpoint("node.ready");
  try_to_activate();
}

void ChannelRunner::failed(const Error& error) {
  if (!track_.take(Step::fail)) return;
  track_.reason = track_.failure = error.message;
  track_.retry_at = context_.clock.now() + retry_delay(track_.failures++);
  save();
  events_.failed(*this, error);
}

void ChannelRunner::try_to_activate() {
  std::string reason = hold_back(track_, context_.tracker, context_.clock.now());
  if (reason != track_.reason) {
    track_.reason = reason;
    save();
  }
  if (!reason.empty() || !ready_ || !track_.take(Step::activate)) return;
  track_.tried = track_.pointer;
  save();
  failpoint("node.activating");
  Switch order{key_, *ready_, track_.active, hooks_, context_.hook_options, context_.allow_code_formats};
  activation_ = std::jthread([this, order = std::move(order)](const std::stop_token& stop) {
    events_.switched(order.key, order.release, context_.activator.activate(order, stop));
  });
}

void ChannelRunner::switched(const manifest::VerifiedRelease& release, const Status& outcome) {
  const std::optional<ReleaseId> newest = track_.wanted;
  track_.wanted = release.id();
  if (outcome.ok()) succeeded(release);
  else failed(outcome.error());
  if (newest && *newest != release.id()) want(*newest);
}

void ChannelRunner::succeeded(const manifest::VerifiedRelease& release) {
  if (track_.active && *track_.active != release.id()) {
    (void)mark_used(context_.shelf, *track_.active, context_.clock.now());
    track_.previous = track_.active;
  }
  track_.active = release.id();
  track_.active_version = track_.wanted_version = release->version.str();
  track_.failure.clear();
  track_.failures = 0;
  track_.take(Step::succeed);
  save();
  failpoint("node.activated");
  events_.activated(*this);
}

void ChannelRunner::save() {
  Status saved = context_.tracks.save(key_, track_);
  if (!saved.ok()) log::error("track_not_saved", {{"channel", key_.str()}, {"reason", saved.error().message}});
}

std::string hold_back(const Track& track, const TrackerView& tracker, WallTime now) {
  if (track.halted)
    return "the rollout was halted: too many nodes reported that this release fails" +
           (track.failure.empty() ? "" : "; here: " + track.failure);
  if (track.pointer_expires && now > *track.pointer_expires)
    return "the channel's pointer expired at " + format_time(*track.pointer_expires) + ": a publisher renews it ('shoal channel renew')";
  if (tracker.statements && (!tracker.fresh_until || now > *tracker.fresh_until))
    return "there is no fresh statement of the tracker: it may be withholding a newer pointer";
  return "";
}

}  // namespace shoal::node
