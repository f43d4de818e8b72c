// Which nodes a staged rollout reaches, as far as the tracker knows them now. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manifest/trust.hpp"
#include "registry/messages.hpp"

namespace shoal::publisher {

/// Nodes that follow one channel: the ids by which rollouts choose, and the names by which people know them.
struct Followers {
  std::vector<NodeId> ids;
  std::vector<std::string> names;  // of the same node at the same place; its id where it has no name
  std::size_t size() const { return ids.size(); }
};
/// Revoked machines do not count.
Followers followers_of(const std::vector<registry::NodeRow>& nodes, const ModelName& model, const ChannelName& channel);

/// Names of those that go first, in the order of `followers`; all without a rollout.
std::vector<std::string> chosen_now(const std::optional<manifest::Rollout>& rollout, const Followers& followers);

/// Another salt, derived from that of `rollout`, under which at least one follower goes first. As it was where one does already, where
/// nobody is to go first (0 %), or where nobody follows the channel.
manifest::Rollout reach_somebody(manifest::Rollout rollout, const Followers& followers);

/// A percentage, and a salt derived from that of `rollout`, under which `count` of the followers go first, or as few more as whole
/// percentages allow in a fleet of hundreds. `usage` unless the channel has more followers than that. With `keep_salt`, the least
/// percentage under which at least `count` do.
Result<manifest::Rollout> reach_count(manifest::Rollout rollout, std::size_t count, const Followers& followers, bool keep_salt);

}  // namespace shoal::publisher
