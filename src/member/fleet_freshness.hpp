// What the tracker says of channels now, for commands: statements of the shards in which they lie, each verified.
#pragma once

#include <vector>

#include "member/member_session.hpp"

namespace shoal::member {

using FreshnessView = std::vector<manifest::VerifiedFreshness>;

/// Speaks of every one of these places.
Result<FreshnessView> freshness_of(const MemberSession& session, registry::Client& tracker, std::vector<manifest::ChannelPlace> places);
/// Speaks of every channel of the fleet. Many requests where there are many channels.
Result<FreshnessView> freshness_of_all(const MemberSession& session, registry::Client& tracker);

/// Null where it is not listed.
const manifest::ChannelState* find(const FreshnessView& view, const ModelName& model, const ChannelName& channel);

/// Whether the tracker halted the rollout of this very pointer, by epoch and sequence: an earlier one that was halted says nothing of it.
bool is_halted(const manifest::ChannelState* state, const manifest::ChannelPointer& pointer);
bool is_halted(const FreshnessView& view, const manifest::ChannelPointer& pointer);

}  // namespace shoal::member
