// The way of a release on a node, as a table. Pure: what is done at each step is the agent's business.
#pragma once

#include <optional>
#include <string_view>

#include "manifest/trust.hpp"

namespace shoal::node {

/// Where a channel stands on this machine.
enum class Phase {
  idle,        // nothing is known of the channel yet
  wanted,      // a pointer named a release that is not the active one
  admitted,    // its release and metainfo verified, its formats are allowed, there is space
  fetching,    // pieces arrive
  verified,    // every byte is as signed
  ready,       // durable, under its final name; nothing points at it
  activating,  // the switch and its hooks are under way
  active,      // the link points at what is wanted
  failed,      // with a reason; tried again later
};
std::string_view name(Phase phase);
std::optional<Phase> phase_from(std::string_view name);

/// What moves a channel from one phase to another.
enum class Step {
  want,  // the channel wants another release
  admit,
  fetch,
  verify,
  prepare,  // made durable and given its final name
  activate,
  succeed,  // hooks included
  fail,
  retry,
  settle,  // what is wanted is what is active already
};

/// The phase after `step`, or none where the table does not allow it: during a switch nothing else happens, and nothing is activated
/// that is not ready.
std::optional<Phase> next(Phase phase, Step step);

/// Where a machine goes on that was killed in `phase`. Everything before `ready` is found again by looking at the disk; a switch that was
/// under way is done again, hooks included.
Phase after_restart(Phase phase);

/// The release that this node is to run by a pointer; `active` is what it runs now. None: nothing for now.
std::optional<ReleaseId> wanted_by(const manifest::ChannelPointer& pointer, const NodeId& self, const std::optional<ReleaseId>& active);

/// What people want to know of a pointer: why it went back, and that a staged rollout leaves this node where it is. May be empty.
std::string note_on(const manifest::ChannelPointer& pointer, const NodeId& self);

/// Time until the next try after so many failures in a row: 5 s, doubling, half an hour at most.
std::chrono::seconds retry_delay(std::uint32_t failures);
/// Whether a release that failed is tried again at once, whatever the delay: a later pointer names it once more, as it does when somebody
/// resumed its rollout, and the rollout is not halted.
bool is_called_again(const std::optional<manifest::SeenSequence>& tried, const std::optional<manifest::SeenSequence>& pointer, bool halted);
/// Whether what was to be tried again at a time is: also where that is further away than any delay, because the clock was ahead.
bool is_due(WallTime retry_at, WallTime now);

}  // namespace shoal::node
