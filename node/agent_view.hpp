// What a running node says of itself: to `shoal status` over the control socket, and to the tracker.
#pragma once

#include "base/json.hpp"
#include "metrics/page.hpp"
#include "node/bandwidth.hpp"
#include "node/follower.hpp"
#include "node/transfer_view.hpp"
#include "swarm/swarm.hpp"

namespace shoal::node {

struct ChannelView {
  ChannelKey key;
  Track track;
  fs::path path;        // the stable link
  std::string problem;  // with the channel's pointer, not with a release
  std::optional<swarm::Progress> progress;
  TransferFacts transfer = {};  // where there is progress
};

/// A release that a `shoal pull` waits for.
struct PullView {
  std::string reference;
  VersionRef ref;
  ReleaseId release;
  std::optional<swarm::Progress> progress;
  TransferFacts transfer = {};
};

/// A release that came, or comes, by the swarm since the node started.
struct TransferOf {
  ReleaseId release;
  swarm::Progress progress;
  TransferFacts facts;
};
registry::TransferReport report_of(const TransferOf& transfer);

struct AgentView {
  std::uint16_t port = 0;
  TrackerView tracker;
  bool clock_suspect = false;  // the system's clock is behind documents that were signed
  WallTime certificate_until;
  WallTime trust_root_until;
  Rates limits;
  ByteCount quota = 0;
  std::size_t serving = 0;  // releases
  std::vector<ChannelView> channels;
  std::vector<PullView> pulls;
  std::vector<TransferOf> transfers = {};
  ByteCount disk_free = 0, disk_size = 0;
};

Json to_json(const AgentView& view, WallTime now);
registry::NodeReport report_of(const AgentView& view, const std::string& software);
/// One line for the service manager.
std::string service_status(const AgentView& view);
/// Its part of the numbers for Prometheus.
void describe_node(metrics::Page& page, const AgentView& view, WallTime now);
/// The lines of `shoal status`, from what to_json made.
std::string status_text(const Json& view);
/// Only those about channels, each after a line break.
std::string subscriptions_text(const Json& view);

}  // namespace shoal::node
