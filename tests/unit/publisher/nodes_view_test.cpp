#include "publisher/nodes_view.hpp"

#include <doctest/doctest.h>

#include "support/must.hpp"

using namespace shoal;
using namespace shoal::publisher;
using namespace std::chrono_literals;

namespace {

const WallTime now{1'000'000s};

ReleaseId id_of(char digit) { return test::must(ReleaseId::from_hex(std::string(64, digit))); }

registry::SubscriptionReport follows(const std::string& phase, const std::string& active, const std::string& wanted = "",
                                     const std::string& reason = "") {
  registry::SubscriptionReport row{
      test::must(ModelName::parse("acme/llama")), test::must(ChannelName::parse("main")), phase, {}, {}, {}, {}, {}, 0, 0, {}};
  if (!active.empty()) row.active = id_of(active.front());
  if (!wanted.empty()) row.wanted = id_of(wanted.front());
  row.active_version = active;
  row.wanted_version = wanted;
  row.reason = reason;
  return row;
}

registry::NodeRow node(const std::string& name, std::vector<registry::SubscriptionReport> rows, const std::string& site = "") {
  registry::MachineRow machine{test::must(NodeId::parse("abcdefghijkl")), identity::Role::node, name, site, now + 24h};
  return {machine, now - 5s, {"shoal 1", std::move(rows)}};
}

std::vector<registry::NodeRow> fleet() {
  const std::string why = "hook exec:/opt/hooks/reload failed (exit 7): vLLM did not answer: CUDA out of memory";
  std::vector<registry::NodeRow> rows{node("gpu1", {follows("active", "1.0")}, "berlin"),
                                      node("gpu2", {follows("failed", "1.0", "2.0", why)}),
                                      node("gpu3", {follows("fetching", "1.0", "2.0")}, "berlin"),
                                      node("gpu4", {}),
                                      node("gpu5", {}),
                                      node("gpu6", {follows("active", "1.0")})};
  rows[2].report.subscriptions[0].done = 43;
  rows[2].report.subscriptions[0].size = 100;
  rows[3].seen.reset();
  rows[4].machine.revoked = now - 1h;
  rows[5].seen = now - 2h;
  return rows;
}

std::vector<std::string> names_of(const std::vector<NodeLine>& lines) {
  std::vector<std::string> names;
  for (const NodeLine& line : lines) names.push_back(line.node.machine.name);
  return names;
}

}  // namespace

TEST_CASE("a node is one aligned line, the worst first, with a summary, and below it what the table cut") {
  const std::string text = nodes_text(node_lines(fleet(), {}, now), now);
  CAPTURE(text);
  CHECK(text ==
        "NAME  ROLE  SITE    SEEN    RUNS                 WANTS       STATE     WHY\n"
        "gpu5  node  -       5s ago  -                    -           revoked   since 1970-01-12T12:46:40Z\n"
        "gpu4  node  -       -       -                    -           unseen    no report since the tracker started\n"
        "gpu6  node  -       2h ago  acme/llama:main 1.0  -           silent\n"
        "gpu2  node  -       5s ago  acme/llama:main 1.0  2.0         failed    hook exec:/opt/hooks/reload failed (exit 7): ...\n"
        "gpu3  node  berlin  5s ago  acme/llama:main 1.0  2.0 (43 %)  fetching\n"
        "gpu1  node  berlin  5s ago  acme/llama:main 1.0  -           active\n"
        "\n"
        "6 nodes: 1 active, 1 fetching, 1 failed, 1 silent, 1 unseen, 1 revoked\n"
        "  gpu2: hook exec:/opt/hooks/reload failed (exit 7): vLLM did not answer: CUDA out of memory");
  CHECK(nodes_text({}, now) == "no node");
}

TEST_CASE("a filter lets through a site, a state, a model or a channel") {
  CHECK(names_of(node_lines(fleet(), {.site = "berlin"}, now)) == std::vector<std::string>{"gpu3", "gpu1"});
  CHECK(names_of(node_lines(fleet(), {.state = NodeState::failed}, now)) == std::vector<std::string>{"gpu2"});
  CHECK(names_of(node_lines(fleet(), {.model = test::must(ModelName::parse("acme/other"))}, now)).empty());
  NodeFilter channel{.model = test::must(ModelName::parse("acme/llama")), .channel = test::must(ChannelName::parse("main"))};
  CHECK(node_lines(fleet(), channel, now).size() == 4);
  channel.channel = test::must(ChannelName::parse("canary"));
  CHECK(node_lines(fleet(), channel, now).empty());
  CHECK(test::must(parse_node_state("failed")) == NodeState::failed);
  CHECK(parse_node_state("tired").error().code == ErrorCode::usage);
}

TEST_CASE("two nodes of one name are shown with their ids, and many channels in short") {
  auto rows = std::vector{node("gpu", {follows("active", "1.0")}), node("gpu", {follows("active", "1.0")})};
  for (int i = 0; i < 5; ++i) rows[0].report.subscriptions.push_back(follows("active", "1.0"));
  const std::string text = nodes_text(node_lines(rows, {}, now), now);
  CHECK(text.find("gpu (abcdefghijkl)") != std::string::npos);
  CHECK(text.find("and 3 more") != std::string::npos);
}

TEST_CASE("the state is the worst of the channels'") {
  auto halted = follows("ready", "1.0", "2.0", "the rollout was halted: too many nodes reported that this release fails");
  CHECK(state_of(halted) == NodeState::halted);
  halted.reason = "there is no fresh statement of the tracker";
  CHECK(state_of(halted) == NodeState::waiting);
  auto stalled = follows("fetching", "1.0", "2.0");
  stalled.stall = "no_peers";
  CHECK(state_of(stalled) == NodeState::stalled);
  const auto lines = node_lines({node("gpu", {follows("active", "1.0"), stalled, follows("fetching", "1.0", "2.0")})}, {}, now);
  CHECK(lines.at(0).state == NodeState::stalled);
  const Json json = to_json(lines.at(0), now);
  CHECK(json["state"] == "stalled");
  CHECK(json["subscriptions"].size() == 3);
}
