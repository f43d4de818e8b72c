// `shoal nodes list`: what each node runs and wants, in one line, and why it does not run it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "registry/messages.hpp"

namespace shoal::publisher {

/// In the order in which an operator should look at them.
enum class NodeState { revoked, gone, unseen, silent, failed, halted, stalled, waiting, fetching, switching, active, idle };
std::string_view name(NodeState state);
std::vector<std::string> node_state_names();
/// Code `usage`, with the names, for any other text.
Result<NodeState> parse_node_state(std::string_view text);

struct NodeFilter {
  std::optional<ModelName> model = {};
  std::optional<ChannelName> channel = {};  // of `model`
  std::optional<std::string> site = {};
  std::optional<NodeState> state = {};
};

struct NodeLine {
  registry::NodeRow node;  // with the subscriptions that the filter lets through
  NodeState state = NodeState::idle;
  std::string why;  // of the state; empty where all is well
};

/// The state of one subscription, by what its node reported.
NodeState state_of(const registry::SubscriptionReport& row);

/// The nodes that the filter lets through, worst state first, then by name.
std::vector<NodeLine> node_lines(std::vector<registry::NodeRow> nodes, const NodeFilter& filter, WallTime now);

/// A table with a line for each node, a line that sums them up, and the reasons in full.
std::string nodes_text(const std::vector<NodeLine>& lines, WallTime now);
Json to_json(const NodeLine& line, WallTime now);

}  // namespace shoal::publisher
