// Composition root of `shoal node run`: follows channels, fetches what they want, activates it, removes what is unused, and reports.
#pragma once

#include <atomic>
#include <map>

#include "cli/service.hpp"
#include "node/agent_output.hpp"
#include "node/channel_runner.hpp"
#include "node/control_answers.hpp"
#include "node/deliveries.hpp"
#include "node/gateway/gateway.hpp"
#include "node/model_library.hpp"
#include "node/pull_orders.hpp"
#include "node/repairer.hpp"
#include "node/reporter.hpp"
#include "node/subscriptions.hpp"

namespace shoal::node {

/// Settings that may change while the agent runs.
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
  HostPort gateway = {};  // no host: none
  std::string software;
};

/// Decides everything on the thread that calls run(); other threads post their news to it as tasks.
class Agent {
 public:
  /// Opens the mesh's port, serves what is on the shelf, and begins to follow.
  static Result<std::unique_ptr<Agent>> start(member::MemberSession& session, FlooredClock& clock, AgentOptions options, cli::Output& out);
  ~Agent();
  /// Returns when the service is to stop.
  void run(cli::Service& service);
  /// Adds the metrics of the node. Any thread.
  void describe(metrics::Page& page) const;
  /// Where the gateway listens, as an address for HF_ENDPOINT; empty where there is none.
  std::string gateway() const;
  /// On the thread of run().
  void change(AgentSettings settings);

 private:
  /// A limit by command, of one direction, until a time.
  struct LimitOrder {
    ByteCount rate = 0;
    SteadyTime until;
  };

  Agent(member::MemberSession& session, FlooredClock& clock, AgentOptions options, cli::Output& out);
  Status begin();
  Status serve_the_shelf();
  Follower::Events follower_events();
  ChannelRunner::Events runner_events();
  Deliveries::Events delivery_events();
  Collector::Owner collector_owner();
  ControlHandlers control_handlers();
  ControlServer::Works works();

  void load_subscriptions();
  void open_channel(const Subscription& subscription);
  ChannelRunner* find(const ChannelKey& key);
  void deliver(ChannelRunner& channel);
  void deliver_waiting();
  void drop_unwanted_deliveries();
  void delivered(const ReleaseId& id, const Result<Delivered>& result);
  bool is_wanted(const ReleaseId& id) const;
  bool in_use(const ReleaseId& id) const;

  /// For commands on threads of the control server.
  Status pull(const ControlOrder& order, cli::Output& out, const ControlServer::Say& say, const std::stop_token& stop);
  Result<PullReport> bring(const Wanted& wanted, bool allow_code_formats, OrderNews& news, const ControlServer::Say& say,
                           const std::stop_token& stop);
  Result<PullReport> already_here(const Wanted& wanted, bool allow_code_formats) const;
  /// For the gateway, on threads of its own.
  Status open_gateway();
  ModelLibrary::Means library_means();
  Status fetch_for_gateway(const Reference& reference, const Wanted& wanted, const std::stop_token& stop);
  Status repair(const ControlOrder& order, cli::Output& out, const std::stop_token& stop);
  Status repair_one(const Examined& damaged, cli::Output& out, const std::stop_token& stop);
  Status stop_serving_for_repair(const ReleaseId& id);
  void serve_repaired(const ReleaseId& id);
  Error interrupted(const manifest::VerifiedRelease& release);

  void deliver_orders();
  Result<bool> show_pulled(const Reference& reference, const Wanted& wanted);
  std::string who_goes_on(const ReleaseId& id) const;
  bool has_orders(const ReleaseId& id) const { return orders_.wants(id) || repairing_.contains(id); }

  void tick();
  void tell_stalls();
  void apply_limits();
  Status make_room(const manifest::VerifiedRelease& release, const std::stop_token& stop);
  Result<GcReport> collect_garbage(bool dry_run, ByteCount wanted_besides);
  void publish_view();
  AgentView newest_view();
  Rates order_limits(const ControlOrder& order);
  /// Done by the agent's thread, for others.
  template <typename Value>
  Result<Value> on_loop(std::function<Result<Value>()> work, const std::function<Status()>& may_wait) {
    return done_by<Value>(tasks_, std::move(work), may_wait);
  }
  std::function<Status()> patience(std::chrono::seconds time = std::chrono::seconds(20)) const;

  member::MemberSession& session_;
  FlooredClock& clock_;
  const AgentOptions options_;
  AgentSettings settings_;
  AgentOutput out_;
  Shelf shelf_;
  TrackStore tracks_;
  SubscriptionFile subscriptions_;
  TaskQueue tasks_;
  std::atomic<bool> stopping_ = false;
  fs::file_time_type subscriptions_stamp_ = fs::file_time_type::max();
  SteadyTime next_collection_{};
  Rates limits_;
  std::optional<LimitOrder> upload_order_, download_order_;
  TrackerView tracker_;
  PullOrders orders_;
  std::set<ReleaseId> repairing_;
  mutable Guarded<AgentView> view_;
  std::optional<HuggingFaceCache> cache_;
  std::optional<Activator> activator_;
  std::optional<RunnerContext> runner_context_;
  std::optional<Collector> collector_;
  std::unique_ptr<Node> node_;
  std::map<ReleaseId, InfoHash> served_;  // from the shelf
  std::unique_ptr<Deliveries> deliveries_;
  std::map<ChannelKey, ChannelRunner> channels_;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<ModelLibrary> library_;
  std::unique_ptr<gateway::Gateway> gateway_;
};

}  // namespace shoal::node
