#include "publisher/rollout_reach.hpp"

#include <algorithm>

#include "registry/machine_name.hpp"

namespace shoal::publisher {
namespace {

/// In a small fleet a salt that fits is found within a few tries. In a large one no salt is better than another, and hashes cost time.
int most_salts(const Followers& followers) { return std::clamp(200'000 / static_cast<int>(followers.size() + 1), 1, 2000); }

std::string derived(const std::string& salt, int number) { return number == 0 ? salt : salt + "+" + std::to_string(number); }

std::size_t count_chosen(const manifest::Rollout& rollout, const Followers& followers) {
  return static_cast<std::size_t>(
      std::count_if(followers.ids.begin(), followers.ids.end(), [&](const NodeId& node) { return manifest::is_chosen(rollout, node); }));
}

/// The least percentage under which the node goes first.
std::uint32_t threshold(manifest::Rollout rollout, const NodeId& node) {
  std::uint32_t below = 0, enough = 100;
  while (enough - below > 1) {
    rollout.percent = (below + enough) / 2;
    (manifest::is_chosen(rollout, node) ? enough : below) = rollout.percent;
  }
  return enough;
}

/// Sets the least percentage under which at least `count` go first; returns how many do.
std::size_t raise_to(manifest::Rollout& rollout, std::size_t count, const Followers& followers) {
  std::vector<std::uint32_t> thresholds;
  for (const NodeId& node : followers.ids) thresholds.push_back(threshold(rollout, node));
  std::sort(thresholds.begin(), thresholds.end());
  rollout.percent = count == 0 ? 0 : thresholds.at(count - 1);
  return static_cast<std::size_t>(std::upper_bound(thresholds.begin(), thresholds.end(), rollout.percent) - thresholds.begin());
}

}  // namespace

Followers followers_of(const std::vector<registry::NodeRow>& nodes, const ModelName& model, const ChannelName& channel) {
  Followers followers;
  for (const registry::NodeRow& node : nodes) {
    const auto& rows = node.report.subscriptions;
    const bool follows =
        std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.model == model && row.channel == channel; });
    if (!follows || node.machine.revoked) continue;
    followers.ids.push_back(node.machine.id);
    followers.names.push_back(registry::name_or_id(node.machine));
  }
  return followers;
}

std::vector<std::string> chosen_now(const std::optional<manifest::Rollout>& rollout, const Followers& followers) {
  if (!rollout) return followers.names;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < followers.size(); ++i)
    if (manifest::is_chosen(*rollout, followers.ids[i])) names.push_back(followers.names[i]);
  return names;
}

manifest::Rollout reach_somebody(manifest::Rollout rollout, const Followers& followers) {
  if (rollout.percent == 0 || followers.size() == 0) return rollout;
  const std::string salt = rollout.salt;
  for (int number = 0; number < most_salts(followers); ++number) {
    rollout.salt = derived(salt, number);
    if (count_chosen(rollout, followers) > 0) return rollout;
  }
  rollout.salt = salt;
  return rollout;
}

Result<manifest::Rollout> reach_count(manifest::Rollout rollout, std::size_t count, const Followers& followers, bool keep_salt) {
  if (count >= followers.size())
    return fail(ErrorCode::usage, "--nodes must be below " + std::to_string(followers.size()) +
                                      ", the number of nodes that follow the channel now: leave it out to let all nodes go");
  const std::string salt = rollout.salt;
  manifest::Rollout nearest = rollout;
  std::size_t least = followers.size() + 1;
  for (int number = 0; number < (keep_salt ? 1 : most_salts(followers)) && least > count; ++number) {
    rollout.salt = derived(salt, number);
    const std::size_t chosen = raise_to(rollout, count, followers);
    if (chosen < least) nearest = rollout, least = chosen;
  }
  return nearest;
}

}  // namespace shoal::publisher
