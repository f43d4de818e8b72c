#include "node/models_view.hpp"

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::node;
using shoal::test::must;
using shoal::test::node_id;

namespace {

const ModelName llama = must(ModelName::parse("acme/llama"));
const WallTime start{std::chrono::seconds(1'700'000'000)};

ReleaseId release(char fill) { return must(ReleaseId::from_raw(std::string(32, fill))); }

registry::VersionRow version(const char* name, char id, int days) {
  return {must(VersionName::parse(name)), release(id), 2'000'000'000, start + std::chrono::hours(24 * days)};
}

registry::ChannelRow channel(const char* name, const char* version) { return {must(ChannelName::parse(name)), "", version}; }

registry::NodeRow machine(unsigned number, const char* name, char runs) {
  registry::NodeRow row;
  row.machine.id = node_id(number);
  row.machine.name = name;
  registry::SubscriptionReport report;
  report.model = llama;
  report.active = release(runs);
  row.report.subscriptions.push_back(report);
  return row;
}

ModelView example() {
  registry::FleetStatus fleet;
  fleet.swarms.push_back({llama, must(VersionName::parse("1.0")), release('a'), 4, 1});
  return model_view(llama, {version("1.0", 'a', 0), version("1.1", 'b', 3)}, {channel("main", "1.0"), channel("canary", "1.1")}, fleet,
                    {machine(1, "gpu1", 'a'), machine(2, "", 'a'), machine(3, "gpu3", 'b')});
}

}  // namespace

TEST_CASE("versions are listed newest first, with their channels, copies and the nodes that run them") {
  const ModelView view = example();
  REQUIRE(view.versions.size() == 2);
  CHECK(view.versions[0].version.str() == "1.1");
  CHECK(view.versions[0].channels == std::vector<std::string>{"canary"});
  CHECK(view.versions[0].running == std::vector<std::string>{"gpu3"});
  CHECK(view.versions[0].complete == 0);
  CHECK(view.versions[1].complete == 4);
  CHECK(view.versions[1].fetching == 1);
  CHECK(view.versions[1].running == std::vector<std::string>{"gpu1", node_id(2).str()});
}

TEST_CASE("a revoked node runs nothing") {
  auto gone = machine(1, "gpu1", 'a');
  gone.machine.revoked = start;
  CHECK(model_view(llama, {version("1.0", 'a', 0)}, {}, {}, {gone}).versions.at(0).running.empty());
}

TEST_CASE("the tables have a line for each model, or for each version of one") {
  CHECK(models_table({example()}) ==
        "MODEL       VERSIONS  NEWEST  SIZE     CHANNELS              COMPLETE  FETCHING\n"
        "acme/llama  2         1.1     2.00 GB  canary 1.1, main 1.0  0         0");
  const std::string table = versions_table(example(), {"safetensors 7.2B", "other"});
  CHECK(table.find("1.1      2.00 GB  safetensors 7.2B  2023-11-17T22:13:20Z  canary    0         0         gpu3\n") != std::string::npos);
  CHECK(table.find("\n1.0      2.00 GB  other") != std::string::npos);
}

TEST_CASE("of many nodes that run a version four are named") {
  std::vector<registry::NodeRow> nodes;
  for (unsigned number = 1; number <= 9; ++number) nodes.push_back(machine(number, ("n" + std::to_string(number)).c_str(), 'a'));
  const ModelView view = model_view(llama, {version("1.0", 'a', 0)}, {}, {}, nodes);
  CHECK(versions_table(view, {"other"}).find("n1, n2, n3, n4 and 5 more") != std::string::npos);
}
