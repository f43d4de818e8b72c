// Translates between the JSON of the control socket and the types of the node behind it.
#pragma once

#include "node/agent_view.hpp"
#include "node/collector.hpp"
#include "node/control.hpp"
#include "node/control_order.hpp"

namespace shoal::node {

/// One function for each command. Called on the control server's thread.
struct ControlHandlers {
  std::function<AgentView()> status;
  std::function<Result<GcReport>(bool dry_run)> collect;
  std::function<Result<Rates>(const ControlOrder&)> limit;  // the limits that now hold
  std::function<Status(const ControlOrder&)> pin;
  std::function<Result<bool>(const ReleaseId&)> unpin;  // whether it was pinned
};

/// `clock` outlives the answer.
ControlServer::Answer answer_with(ControlHandlers handlers, const Clock& clock);

/// Also printed by `shoal gc` where no node runs.
Json to_json(const GcReport& report);

}  // namespace shoal::node
