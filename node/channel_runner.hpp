// One followed channel on this machine: how far its release is, its hooks, and the switch that is under way.
#pragma once

#include <thread>

#include "node/activation.hpp"
#include "node/floored_clock.hpp"
#include "node/follower.hpp"

namespace shoal::node {

/// The parts that every runner works with. All of them outlive the runners.
struct RunnerContext {
  member::MemberSession& session;
  const FlooredClock& clock;
  Shelf& shelf;
  const TrackStore& tracks;
  Activator& activator;
  const TrackerView& tracker;  // what the follower last reported
  HookOptions hook_options;
  bool allow_code_formats = false;
};

/// The only caller of the table of phases (node/lifecycle.hpp); each step is durable before the next one begins. Lives on the agent's
/// thread. A switch has a thread of its own, because hooks may take minutes.
class ChannelRunner {
 public:
  /// Called on the agent's thread, but for `switched`.
  struct Events {
    std::function<void(ChannelRunner&)> deliver;  // brings what the channel wants: became_ready() or failed() follow
    std::function<void()> no_longer_wanted;       // what the channel wanted before
    std::function<void(const ChannelRunner&, const Error&)> failed;
    std::function<void(const ChannelRunner&)> activated;
    std::function<void(const ChannelRunner&)> halted;
    /// On the thread of the switch: the agent passes it to switched().
    std::function<void(const ChannelKey&, const manifest::VerifiedRelease&, const Status&)> switched;
  };

  ChannelRunner(const RunnerContext& context, ChannelKey key, Events events);

  const ChannelKey& key() const { return key_; }
  const Track& track() const { return track_; }
  /// Why the channel's pointer cannot be used; empty: it can.
  const std::string& problem() const { return problem_; }
  fs::path link() const { return context_.shelf.link({key_.model, std::nullopt, key_.channel}); }
  /// Wants this release and does not run it yet.
  bool wants(const ReleaseId& id) const { return track_.wanted == id && track_.phase != Phase::active; }
  /// Runs this release, or is on the way to it.
  bool needs(const ReleaseId& id) const;

  void set_hooks(std::vector<Hook> hooks) { hooks_ = std::move(hooks); }
  void set_problem(std::string problem) { problem_ = std::move(problem); }
  /// Goes on where the track on disk ends. Call it once, before all that follows.
  void resume();
  void update(const PointerUpdate& update);
  /// Begins another try that is due, or a switch that had to wait.
  void tick();

  // How the delivery of a release goes that this channel wants. Others are ignored.
  void resolved(const manifest::VerifiedRelease& release);
  void reached(const ReleaseId& id, Phase phase);
  void became_ready(const manifest::VerifiedRelease& release);
  void failed(const Error& error);

  void switched(const manifest::VerifiedRelease& release, const Status& outcome);
  void request_stop() { activation_.request_stop(); }

 private:
  void load_track();
  void compare_with_link();
  void note_active(const ReleaseId& id);
  void show_active();
  void want(const ReleaseId& id);
  void try_again();
  void begin_try();
  void deliver();
  bool runs(const ReleaseId& id) const;
  void try_to_activate();
  void succeeded(const manifest::VerifiedRelease& release);
  void save();

  const RunnerContext& context_;
  const ChannelKey key_;
  const Events events_;
  Track track_;
  std::vector<Hook> hooks_;
  std::string problem_;
  bool adopts_ = false;  // the link was moved by `shoal pull`: the switch to it, with its hooks, is still due
  std::optional<manifest::VerifiedRelease> ready_;
  std::jthread activation_;  // last, so that it ends first
};

/// Why a release that is ready may not be activated now; empty: it may. Expired documents hold back what is new and never stop what is
/// active. Pure.
std::string hold_back(const Track& track, const TrackerView& tracker, WallTime now);

}  // namespace shoal::node
