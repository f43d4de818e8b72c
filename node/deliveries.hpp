// The releases on their way to this machine: which are fetched now, how far they are, and when another may begin.
#pragma once

#include <map>

#include "node/delivery.hpp"
#include "node/stall_view.hpp"
#include "node/task_queue.hpp"

namespace shoal::node {

/// Lives on the agent's thread; every delivery has a thread of its own, whose news comes over the task queue.
class Deliveries {
 public:
  /// Called on the agent's thread, but for `make_room` and `said`.
  struct Events {
    std::function<void(const manifest::VerifiedRelease&)> resolved;
    std::function<void(const ReleaseId&, Phase)> reached;
    std::function<void(const ReleaseId&, const Result<Delivered>&)> done;
    /// Within a quota, on the delivery's thread; may block.
    std::function<Status(const manifest::VerifiedRelease&, const std::stop_token&)> make_room;
    /// Gets each event that the fetch would print (cli/relay.hpp), on the delivery's thread.
    std::function<void(const ReleaseId&, const Json&)> said;
  };

  /// All references outlive this; `tasks` is closed before this ends.
  Deliveries(member::MemberSession& session, Shelf& shelf, Node& node, TaskQueue& tasks, bool allow_code_formats, Events events);
  /// Cancels all of them, then waits for their threads.
  ~Deliveries();

  /// Begins to bring a release, unless it is under way or as many are as may be: then call it again later. `allow_code_formats` adds to
  /// what the node allows.
  void begin(const ModelName& model, const ReleaseId& id, bool allow_code_formats = false);
  bool has_room() const;
  bool is_under_way(const ReleaseId& id) const;
  /// Under way, or brought and served by the delivery's engine.
  bool contains(const ReleaseId& id) const { return deliveries_.contains(id); }
  /// Cancels what is under way and not wanted.
  void keep_only(const std::function<bool(const ReleaseId&)>& is_wanted);
  void forget(const ReleaseId& id) { deliveries_.erase(id); }
  void cancel_all();

  /// Of what is under way; nothing otherwise.
  std::optional<swarm::Progress> progress(const ReleaseId& id) const;
  /// The same, even of one that is whole.
  std::optional<swarm::Progress> arrival(const ReleaseId& id) const;
  TransferFacts transfer(const ReleaseId& id) const;
  /// Fetches that have stalled or have gone on since the last call.
  void report_stalls(const std::function<void(const ReleaseId&, const StallNews::News&)>& report);

 private:
  struct Entry {
    std::unique_ptr<cli::Output> out;
    std::unique_ptr<Delivery> delivery;
    InfoHash content;
    StallNews stalls = {};
    bool done = false;
    std::uint64_t ticket = 0;  // tells it from an earlier delivery of the same release
  };
  Delivery::Events events_of(const ReleaseId& id, std::uint64_t ticket);
  void finished(const ReleaseId& id, const Result<Delivered>& result);
  std::size_t under_way() const;

  member::MemberSession& session_;
  Shelf& shelf_;
  Node& node_;
  TaskQueue& tasks_;
  const bool allow_code_formats_;
  const Events events_;
  std::uint64_t ticket_ = 0;
  std::map<ReleaseId, Entry> deliveries_;
};

}  // namespace shoal::node
