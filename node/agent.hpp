// Composition root of `shoal node run`: follows channels, brings what they want, switches, cleans up, and says how it stands.
#pragma once

#include <atomic>
#include <future>
#include <map>

#include "cli/service.hpp"
#include "node/activation.hpp"
#include "node/agent_view.hpp"
#include "node/control.hpp"
#include "node/control_order.hpp"
#include "node/delivery.hpp"
#include "node/floored_clock.hpp"
#include "node/reporter.hpp"
#include "node/retention.hpp"
#include "node/stall_view.hpp"
#include "node/subscriptions.hpp"
#include "node/task_queue.hpp"

namespace shoal::node {

/// What may change while the agent runs.
struct AgentSettings {
  std::vector<Subscription> follow;  // by configuration, beside those by command
  std::vector<Hook> hooks;           // of subscriptions without their own
  Rates limits;
  BandwidthSchedule schedule;
};

struct AgentOptions {
  NodeOptions node;
  AgentSettings settings;
  HookOptions hook_options;
  RetentionPolicy retention;
  fs::path hugging_face_cache;  // empty: none
  bool allow_code_formats = false;
  std::string software;
};

/// All decisions are made on the thread that calls run(): what other threads learn comes to it as tasks.
class Agent {
 public:
  /// Opens the mesh's port, serves what is on the shelf, and begins to follow.
  static Result<std::unique_ptr<Agent>> start(swarm::MemberSession& session, FlooredClock& clock, AgentOptions options, cli::Output& out);
  ~Agent();
  /// Until the service is to stop.
  void run(cli::Service& service);
  /// What the node has to say to Prometheus. Any thread.
  void describe(metrics::Page& page) const;
  /// On the thread of run().
  void change(AgentSettings settings);

 private:
  struct Channel {
    Track track;
    std::vector<Hook> hooks;
    std::string problem;
    std::optional<manifest::VerifiedRelease> ready;
    std::jthread activation;  // last, so that it ends first
  };
  struct OnItsWay {
    std::unique_ptr<Delivery> delivery;
    InfoHash content;
    StallNews stalls = {};
    bool done = false;
    std::uint64_t ticket = 0;
  };
  /// A limit by command, of one direction, until a time.
  struct LimitOrder {
    ByteCount rate = 0;
    SteadyTime until;
  };

  Agent(swarm::MemberSession& session, FlooredClock& clock, AgentOptions options, cli::Output& out);
  Status begin();
  Status serve_the_shelf();
  Follower::Events follower_events();

  // Channels (agent_channels.cpp)
  void load_subscriptions();
  void open_channel(const Subscription& subscription);
  void found_active(Track& track, const ReleaseId& id) const;
  void show_active(const ChannelKey& key, const Channel& channel);
  void close_channel(const ChannelKey& key);
  void offered(const Offer& offer);
  void want(const ChannelKey& key, Channel& channel, const ReleaseId& id);
  void try_again(const ChannelKey& key, Channel& channel);
  void begin_try(const ChannelKey& key, Channel& channel);
  bool runs(const ChannelKey& key, const Track& track, const ReleaseId& id) const;
  void deliver(const ChannelKey& key, Channel& channel);
  std::size_t deliveries_under_way() const;
  void deliver_waiting();
  void drop_unwanted_deliveries();
  bool is_wanted(const ReleaseId& id) const;
  void resolved(const ReleaseId& id, const manifest::VerifiedRelease& release);
  void reached(const ReleaseId& id, Phase phase);
  void delivered(const ReleaseId& id, Result<Delivered> result);
  void became_ready(const ChannelKey& key, Channel& channel, const manifest::VerifiedRelease& release);
  void failed(const ChannelKey& key, Channel& channel, const Error& error);
  std::string why_not_now(const Channel& channel) const;
  void try_to_activate(const ChannelKey& key, Channel& channel);
  void switched(const ChannelKey& key, const manifest::VerifiedRelease& release, const Status& outcome);
  void save(const ChannelKey& key, const Channel& channel);

  // Upkeep (agent.cpp)
  void tick();
  void tell_stalls();
  void apply_limits();
  Status make_room(const manifest::VerifiedRelease& release, const std::stop_token& stop);
  Result<Json> collect_garbage(bool dry_run, ByteCount wanted_besides);
  Result<Json> drop_leftovers(bool dry_run);
  bool in_use(const ReleaseId& id) const;
  void forget(const ReleaseId& id);
  void publish_view();
  Result<Json> answer(const Json& request);
  Result<Json> order_limits(const ControlOrder& order);
  Result<Json> on_loop(std::function<Result<Json>()> work, std::chrono::seconds patience);

  swarm::MemberSession& session_;
  FlooredClock& clock_;
  const AgentOptions options_;
  AgentSettings settings_;
  cli::Output& out_;
  cli::Output quiet_;
  Shelf shelf_;
  TrackStore tracks_;
  SubscriptionFile subscriptions_;
  Pins pins_;
  TaskQueue tasks_;
  std::atomic<bool> stopping_ = false;
  fs::file_time_type subscriptions_stamp_ = fs::file_time_type::max();
  SteadyTime next_collection_{};
  std::uint64_t ticket_ = 0;
  Rates limits_;
  std::optional<LimitOrder> upload_order_, download_order_;
  TrackerView tracker_;
  mutable Guarded<AgentView> view_;
  std::optional<HuggingFaceCache> cache_;
  std::optional<Activator> activator_;
  std::unique_ptr<Node> node_;
  std::map<ReleaseId, InfoHash> served_;  // from the shelf
  std::map<ReleaseId, OnItsWay> deliveries_;
  std::map<ChannelKey, Channel> channels_;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<ControlServer> control_;
};

}  // namespace shoal::node
