// Whole transfers between real engines over real meshes.
#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

constexpr std::uint32_t piece = 256 * KiB;

struct Fleet {
  FakeTracker tracker;
  TestFleet certificates;
  TempDirectory dir;
  fs::path source = dir.path() / "source";

  std::unique_ptr<Machine> machine(Role role, unsigned number) { return std::make_unique<Machine>(tracker, certificates, role, number); }
  fs::path place(unsigned number) const { return dir.path() / ("node-" + std::to_string(number)); }
};

}  // namespace

TEST_CASE("one seeder and three nodes: everyone ends with the same bytes, and every byte is accounted for") {
  Fleet fleet;
  put_checkpoint(fleet.source, 4, 8'000'001);
  const auto metainfo = published(fleet.source, piece);
  const InfoHash content = metainfo.info_hash();
  auto seeder = fleet.machine(Role::seeder, 1);
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  std::vector<std::unique_ptr<Machine>> nodes;
  for (unsigned i = 2; i < 5; ++i) {
    nodes.push_back(fleet.machine(Role::node, i));
    REQUIRE(nodes.back()->swarm().add({metainfo, fleet.place(i), swarm::Mode::fetch}).ok());
  }
  const auto wanted = digests_below(fleet.source);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    REQUIRE(nodes[i]->await<swarm::Completed>());
    // Read back without waiting: Completed comes after the last write.
    CHECK(digests_below(fleet.place(static_cast<unsigned>(i) + 2)) == wanted);
    const auto progress = nodes[i]->progress(content);
    CHECK(progress.complete);
    CHECK(progress.done == metainfo.layout().total_size());
    CHECK(progress.from_source + progress.from_peers >= metainfo.layout().total_size());
    CHECK(nodes[i]->events<swarm::Completed>().size() == 1);
    CHECK(nodes[i]->events<swarm::Failed>().empty());
    CHECK(eventually([&] { return fleet.tracker.saw(nodes[i]->id(), "completed"); }));
  }
  ByteCount from_source = 0, from_peers = 0;
  for (const auto& node : nodes) {
    from_source += node->progress(content).from_source;
    from_peers += node->progress(content).from_peers;
  }
  CHECK(from_source >= metainfo.layout().total_size());
  CHECK(from_peers > 0);
  CHECK(eventually([&] { return seeder->progress(content).sent >= from_source; }));
  CHECK(seeder->events<swarm::Completed>().empty());
}

TEST_CASE("a directory with a single file arrives under its own name") {
  Fleet fleet;
  put_file(fleet.source / "only/one.gguf", noise(300'000, 5));
  const auto metainfo = published(fleet.source, 64 * KiB);
  auto seeder = fleet.machine(Role::seeder, 1);
  auto node = fleet.machine(Role::node, 2);
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  REQUIRE(node->swarm().add({metainfo, fleet.place(2), swarm::Mode::fetch}).ok());
  REQUIRE(node->await<swarm::Completed>());
  CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source));
}

TEST_CASE("what is there already is kept, and only the rest is fetched") {
  Fleet fleet;
  put_checkpoint(fleet.source, 4, 2'000'000);
  const auto metainfo = published(fleet.source, piece);
  fs::create_directories(fleet.place(2));
  fs::copy(fleet.source / "model-1.safetensors", fleet.place(2));
  fs::copy(fleet.source / "model-2.safetensors", fleet.place(2));
  // A file of the right size with other bytes, and one that is too long, are put right.
  put_file(fleet.place(2) / "model-3.safetensors", noise(2'000'000, 1234));
  put_file(fleet.place(2) / "config.json", "much longer than it should be, by far");
  auto seeder = fleet.machine(Role::seeder, 1);
  auto node = fleet.machine(Role::node, 2);
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  REQUIRE(node->swarm().add({metainfo, fleet.place(2), swarm::Mode::fetch}).ok());
  REQUIRE(node->await<swarm::Completed>());
  CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source));
  const auto progress = node->progress(metainfo.info_hash());
  CHECK(progress.from_source + progress.from_peers < 5'000'000);
  CHECK(progress.from_source >= 4'000'000);
}

TEST_CASE("a fetch that finds everything in place completes without a peer") {
  Fleet fleet;
  put_checkpoint(fleet.source, 2, 1'000'000);
  const auto metainfo = published(fleet.source, piece);
  fs::copy(fleet.source, fleet.place(2), fs::copy_options::recursive);
  auto node = fleet.machine(Role::node, 2);
  REQUIRE(node->swarm().add({metainfo, fleet.place(2), swarm::Mode::fetch}).ok());
  REQUIRE(node->await<swarm::Completed>());
  const auto progress = node->progress(metainfo.info_hash());
  CHECK(progress.from_source + progress.from_peers == 0);
}

TEST_CASE("a fetch that was cut off goes on where it stopped") {
  Fleet fleet;
  put_checkpoint(fleet.source, 4, 4'000'000);
  const auto metainfo = published(fleet.source, piece);
  const InfoHash content = metainfo.info_hash();
  auto seeder = std::make_unique<Machine>(fleet.tracker, fleet.certificates, Role::seeder, 1, swarm::SwarmOptions{100, 4'000'000, 0});
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  ByteCount kept = 0;
  {
    auto node = fleet.machine(Role::node, 2);
    REQUIRE(node->swarm().add({metainfo, fleet.place(2), swarm::Mode::fetch}).ok());
    REQUIRE(eventually([&] { return node->progress(content).done > 4'000'000; }));
    kept = node->progress(content).done;
    CHECK_FALSE(node->progress(content).complete);
  }
  CHECK(fleet.tracker.saw(node_id(2), "stopped"));
  auto node = fleet.machine(Role::node, 2);
  REQUIRE(node->swarm().add({metainfo, fleet.place(2), swarm::Mode::fetch}).ok());
  REQUIRE(node->await<swarm::Completed>());
  CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source));
  CHECK(node->progress(content).from_source <= metainfo.layout().total_size() - kept + 2'000'000);
}

TEST_CASE("a tracker that is down is told about, and the fetch starts when it is back") {
  Fleet fleet;
  put_checkpoint(fleet.source, 1, 1'000'000);
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.machine(Role::seeder, 1);
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  REQUIRE(eventually([&] { return fleet.tracker.saw(seeder->id(), "started"); }));
  fleet.tracker.set_down(true);
  auto node = fleet.machine(Role::node, 2);
  REQUIRE(node->swarm().add({metainfo, fleet.place(2), swarm::Mode::fetch}).ok());
  REQUIRE(eventually([&] { return !node->swarm().announce_problem(metainfo.info_hash()).empty(); }));
  CHECK(node->swarm().announce_problem(metainfo.info_hash()).find("connection refused") != std::string::npos);
  fleet.tracker.set_down(false);
  REQUIRE(node->await<swarm::Completed>());
  CHECK(node->swarm().announce_problem(metainfo.info_hash()).empty());
}

TEST_CASE("a tracker that does not answer does not keep a machine from ending") {
  Fleet fleet;
  put_checkpoint(fleet.source, 1, 100'000);
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.machine(Role::seeder, 1);
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  REQUIRE(eventually([&] { return fleet.tracker.saw(seeder->id(), "started"); }));
  fleet.tracker.set_silent();
  seeder->stop_swarm();  // would throw from the client, and end the process, if the request were never stopped
  CHECK_FALSE(fleet.tracker.saw(seeder->id(), "stopped"));
}

TEST_CASE("a node that dials finds one that only waits, and the other way round") {
  Fleet fleet;
  put_checkpoint(fleet.source, 1, 1'000'000);
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.machine(Role::seeder, 1);
  auto first = fleet.machine(Role::node, 2);
  REQUIRE(first->swarm().add({metainfo, fleet.place(2), swarm::Mode::fetch}).ok());
  REQUIRE(eventually([&] { return fleet.tracker.saw(first->id(), "started"); }));
  // The seeder hears of the node; the node has heard of nobody.
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  CHECK(first->await<swarm::Completed>());
  auto second = fleet.machine(Role::node, 3);
  REQUIRE(second->swarm().add({metainfo, fleet.place(3), swarm::Mode::fetch}).ok());
  CHECK(second->await<swarm::Completed>());
}

TEST_CASE("a node that had everything and lost its disk is served again, though the source knew it as complete") {
  Fleet fleet;
  put_checkpoint(fleet.source, 1, 1'000'000);
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.machine(Role::seeder, 1);
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  for (unsigned place = 2; place < 5; ++place) {
    auto node = fleet.machine(Role::node, 2);
    REQUIRE(node->swarm().add({metainfo, fleet.place(place), swarm::Mode::fetch}).ok());
    CHECK(node->await<swarm::Completed>());
  }
}

TEST_CASE("content that is there already is a conflict") {
  Fleet fleet;
  put_checkpoint(fleet.source, 1, 100'000);
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.machine(Role::seeder, 1);
  REQUIRE(seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed}).ok());
  Status again = seeder->swarm().add({metainfo, fleet.source, swarm::Mode::seed});
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().code == ErrorCode::conflict);
}
