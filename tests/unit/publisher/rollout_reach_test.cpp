#include "publisher/rollout_reach.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/test_fleet.hpp"

namespace shoal::publisher {
namespace {

using test::must;
using test::node_id;

const ModelName llama = ModelName::trusted("acme/llama");
const ChannelName stable = ChannelName::trusted("main");

registry::NodeRow row(unsigned number, const char* channel = "main") {
  registry::NodeRow node;
  node.machine.id = node_id(number);
  node.machine.name = number == 1 ? "" : "gpu" + std::to_string(number);
  registry::SubscriptionReport report;
  report.model = llama;
  report.channel = ChannelName::trusted(channel);
  node.report.subscriptions.push_back(report);
  return node;
}

Followers fleet(unsigned size) {
  std::vector<registry::NodeRow> nodes;
  for (unsigned number = 1; number <= size; ++number) nodes.push_back(row(number));
  return followers_of(nodes, llama, stable);
}

manifest::Rollout rollout(std::uint32_t percent) {
  manifest::Rollout made;
  made.percent = percent;
  made.salt = "salt";
  return made;
}

TEST_CASE("nodes that follow another channel and nodes that were revoked are no followers") {
  auto revoked = row(3);
  revoked.machine.revoked = WallTime(std::chrono::seconds(1));
  const Followers followers = followers_of({row(1), row(2, "canary"), revoked, row(4)}, llama, stable);
  CHECK(followers.ids == std::vector{node_id(1), node_id(4)});
  CHECK(followers.names == std::vector<std::string>{node_id(1).str(), "gpu4"});
  CHECK(chosen_now(std::nullopt, followers) == followers.names);
}

TEST_CASE("a small share of a small fleet reaches at least one node") {
  for (unsigned size = 1; size <= 12; ++size)
    for (std::uint32_t percent : {1U, 10U, 50U}) {
      const Followers followers = fleet(size);
      CHECK(chosen_now(reach_somebody(rollout(percent), followers), followers).size() >= 1);
    }
}

TEST_CASE("a salt that reaches somebody stays, and so does that of a rollout that is to reach nobody") {
  const Followers followers = fleet(12);
  CHECK(reach_somebody(rollout(99), followers).salt == "salt");
  CHECK(reach_somebody(rollout(0), followers).salt == "salt");
  CHECK(reach_somebody(rollout(1), {}).salt == "salt");
}

TEST_CASE("a number of nodes is met exactly, as long as some are left") {
  const Followers followers = fleet(12);
  for (std::size_t count : {1U, 2U, 5U, 11U})
    CHECK(chosen_now(must(reach_count(rollout(100), count, followers, false)), followers).size() == count);
  auto all = reach_count(rollout(100), 12, followers, false);
  REQUIRE_FALSE(all.ok());
  CHECK(all.error().code == ErrorCode::usage);
  CHECK(all.error().message.find("12") != std::string::npos);
  CHECK(reach_count(rollout(100), 1, {}, false).error().code == ErrorCode::usage);
}

TEST_CASE("with the salt kept, those that went first stay among the first") {
  const Followers followers = fleet(12);
  const auto two = must(reach_count(rollout(100), 2, followers, false));
  const auto five = must(reach_count(two, 5, followers, true));
  CHECK(five.salt == two.salt);
  const auto before = chosen_now(two, followers), after = chosen_now(five, followers);
  CHECK(after.size() >= 5);
  for (const std::string& name : before) CHECK(std::find(after.begin(), after.end(), name) != after.end());
}

}  // namespace
}  // namespace shoal::publisher
