// Directed seeding between real engines: who gets what from the source, and that nobody waits for it.
#include <fstream>

#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

constexpr std::uint32_t piece = 64 * KiB;

swarm::SwarmOptions plain() {
  swarm::SwarmOptions options;
  options.directed = false;
  return options;
}

swarm::SwarmOptions sending_at_most(ByteCount rate) {
  swarm::SwarmOptions options;
  options.upload_limit = rate;
  return options;
}

swarm::SwarmOptions standing_at(const std::string& site, ByteCount rate = 0) {
  swarm::SwarmOptions options = sending_at_most(rate);
  options.site = site;
  return options;
}

struct Fleet {
  Fleet() { put_checkpoint(source, 1, 12'000'000); }

  FakeTracker tracker;
  TestFleet certificates;
  TempDirectory dir;
  fs::path source = dir.path() / "source";

  std::unique_ptr<Machine> machine(Role role, unsigned number, swarm::SwarmOptions options = {}) {
    return std::make_unique<Machine>(tracker, certificates, role, number, options);
  }
  std::unique_ptr<Machine> seeder(const metainfo::CheckedMetainfo& metainfo, unsigned number, swarm::SwarmOptions options = {}) {
    auto made = machine(Role::seeder, number, options);
    must(made->swarm().add({metainfo, source, swarm::Mode::seed}).ok(), "a seeder starts");
    return made;
  }
  std::unique_ptr<Machine> node(const metainfo::CheckedMetainfo& metainfo, unsigned number, swarm::SwarmOptions options = {}) {
    auto made = machine(Role::node, number, options);
    must(made->swarm().add({metainfo, place(number), swarm::Mode::fetch}).ok(), "a node starts");
    return made;
  }
  fs::path place(unsigned number) const { return dir.path() / ("node-" + std::to_string(number)); }
  /// A machine on which more than half of the content is already.
  std::unique_ptr<Machine> node_with_most(const metainfo::CheckedMetainfo& metainfo, unsigned number, swarm::SwarmOptions options = {}) {
    fs::copy(source, place(number), fs::copy_options::recursive);
    for (const auto& entry : fs::directory_iterator(place(number)))
      if (entry.is_regular_file() && entry.file_size() > 1'000'000) spoil_the_end(entry.path());
    return node(metainfo, number, options);
  }
  static void spoil_the_end(const fs::path& file) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(fs::file_size(file));
    for (std::streamoff at = size / 10 * 6; at < size; at += piece) {
      bytes.seekp(at);
      bytes.put('!').put('?');
    }
  }
};

double copies(const std::vector<std::unique_ptr<Machine>>& nodes, const metainfo::CheckedMetainfo& metainfo) {
  ByteCount from_source = 0;
  for (const auto& node : nodes) from_source += node->progress(metainfo.info_hash()).from_source;
  return static_cast<double>(from_source) / static_cast<double>(metainfo.layout().total_size());
}

}  // namespace

TEST_CASE("one node alone gets everything from a source that grants") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1);
  auto node = fleet.node(metainfo, 2);
  REQUIRE(node->await<swarm::Completed>());
  CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source));
  CHECK(node->progress(metainfo.info_hash()).from_source >= metainfo.layout().total_size());
}

TEST_CASE("two nodes complete, and trade what they were granted") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, sending_at_most(6'000'000));
  std::vector<std::unique_ptr<Machine>> nodes;
  for (unsigned i = 2; i < 4; ++i) nodes.push_back(fleet.node(metainfo, i));
  for (const auto& node : nodes) REQUIRE(node->await<swarm::Completed>());
  for (const auto& node : nodes) CHECK(node->progress(metainfo.info_hash()).from_peers > metainfo.layout().total_size() / 5);
}

TEST_CASE("with four nodes each piece leaves the source about once") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, sending_at_most(4'000'000));
  std::vector<std::unique_ptr<Machine>> nodes;
  for (unsigned i = 2; i < 6; ++i) nodes.push_back(fleet.node(metainfo, i));
  for (const auto& node : nodes) REQUIRE(node->await<swarm::Completed>());
  MESSAGE("copies ", copies(nodes, metainfo));
  CHECK(copies(nodes, metainfo) <= 1.3);
}

TEST_CASE("a source that does not grant is an ordinary seed") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, plain());
  auto node = fleet.node(metainfo, 2);
  REQUIRE(node->await<swarm::Completed>());
}

TEST_CASE("a peer that does not speak the extension meets an ordinary seed") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1);
  swarm::SwarmOptions silent;
  silent.speaks_grants = false;
  auto node = fleet.node(metainfo, 2, silent);
  auto other = fleet.node(metainfo, 3);
  REQUIRE(node->await<swarm::Completed>());
  REQUIRE(other->await<swarm::Completed>());
  CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source));
}

TEST_CASE("a node that joins late completes, mostly from its peers") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, sending_at_most(4'000'000));
  std::vector<std::unique_ptr<Machine>> nodes;
  for (unsigned i = 2; i < 5; ++i) nodes.push_back(fleet.node(metainfo, i));
  REQUIRE(eventually([&] { return nodes[0]->progress(metainfo.info_hash()).done > 8'000'000; }));
  nodes.push_back(fleet.node(metainfo, 5));
  for (const auto& node : nodes) REQUIRE(node->await<swarm::Completed>());
  const auto late = nodes.back()->progress(metainfo.info_hash());
  CHECK(late.from_peers > late.from_source);
}

TEST_CASE("what was granted to a node that leaves reaches the others") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, sending_at_most(3'000'000));
  std::vector<std::unique_ptr<Machine>> nodes;
  for (unsigned i = 2; i < 5; ++i) nodes.push_back(fleet.node(metainfo, i));
  REQUIRE(eventually([&] { return nodes.back()->progress(metainfo.info_hash()).from_source > 500'000; }));
  nodes.pop_back();
  for (const auto& node : nodes) REQUIRE(node->await<swarm::Completed>());
  CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source));
}

TEST_CASE("two sources share the work") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  std::vector<std::unique_ptr<Machine>> seeders, nodes;
  for (unsigned i = 10; i < 12; ++i) seeders.push_back(fleet.seeder(metainfo, i, sending_at_most(2'000'000)));
  for (unsigned i = 2; i < 6; ++i) nodes.push_back(fleet.node(metainfo, i));
  for (const auto& node : nodes) REQUIRE(node->await<swarm::Completed>());
  MESSAGE("copies ", copies(nodes, metainfo));
  CHECK(copies(nodes, metainfo) <= 1.4);
  for (const auto& seeder : seeders)
    CHECK(eventually([&] { return seeder->progress(metainfo.info_hash()).sent > metainfo.layout().total_size() / 4; }));
}

TEST_CASE("a node that began with most of it gives also what it fetched, to one that comes when the seeder is gone") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1);
  auto most = fleet.node_with_most(metainfo, 9);
  REQUIRE(most->await<swarm::Completed>());
  CHECK(most->progress(metainfo.info_hash()).from_source < metainfo.layout().total_size() / 2);
  seeder.reset();
  auto late = fleet.node(metainfo, 2);
  REQUIRE(late->await<swarm::Completed>(std::chrono::seconds(20)));
  CHECK(digests_below(fleet.place(2)) == digests_below(fleet.source));
}

TEST_CASE("a source that has most and one that has all share the work, and nobody waits") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, sending_at_most(2'000'000));
  auto most = fleet.node_with_most(metainfo, 9, sending_at_most(2'000'000));
  REQUIRE(eventually([&] { return most->progress(metainfo.info_hash()).done > metainfo.layout().total_size() / 2; }));
  std::vector<std::unique_ptr<Machine>> nodes;
  for (unsigned i = 2; i < 5; ++i) nodes.push_back(fleet.node(metainfo, i));
  for (const auto& node : nodes) REQUIRE(node->await<swarm::Completed>());
  MESSAGE("copies from the seeder ", copies(nodes, metainfo));
  CHECK(copies(nodes, metainfo) <= 1.2);
  CHECK(most->progress(metainfo.info_hash()).sent > metainfo.layout().total_size() / 5);
}

TEST_CASE("a node that was restarted with everything acts as a source like any other") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  fs::copy(fleet.source, fleet.place(9), fs::copy_options::recursive);
  auto restarted = fleet.node(metainfo, 9, sending_at_most(4'000'000));
  REQUIRE(restarted->await<swarm::Completed>());
  std::vector<std::unique_ptr<Machine>> nodes;
  for (unsigned i = 2; i < 5; ++i) nodes.push_back(fleet.node(metainfo, i));
  for (const auto& node : nodes) REQUIRE(node->await<swarm::Completed>());
  CHECK(restarted->progress(metainfo.info_hash()).sent < 2 * metainfo.layout().total_size());
}

TEST_CASE("about one copy crosses to another site, and none from the source") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, standing_at("here", 4'000'000));
  std::vector<std::unique_ptr<Machine>> here, there;
  for (unsigned i = 2; i < 4; ++i) here.push_back(fleet.node(metainfo, i, standing_at("here")));
  for (unsigned i = 4; i < 8; ++i) there.push_back(fleet.node(metainfo, i, standing_at("there")));
  for (const auto& node : here) REQUIRE(node->await<swarm::Completed>());
  for (const auto& node : there) REQUIRE(node->await<swarm::Completed>());
  CHECK(digests_below(fleet.place(7)) == digests_below(fleet.source));
  const auto size = static_cast<double>(metainfo.layout().total_size());
  CHECK(copies(there, metainfo) < 0.2);
  // What the nodes here sent and did not send to each other.
  double crossed = 0;
  for (const auto& node : here) crossed += static_cast<double>(node->progress(metainfo.info_hash()).sent);
  for (const auto& node : here) crossed -= static_cast<double>(node->progress(metainfo.info_hash()).from_peers);
  MESSAGE("crossed ", crossed / size, ", from the source ", copies(there, metainfo));
  CHECK(crossed / size < 1.5);
}

TEST_CASE("a site without any nodes near the source is served by the source") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, standing_at("here", 4'000'000));
  std::vector<std::unique_ptr<Machine>> there;
  for (unsigned i = 2; i < 5; ++i) there.push_back(fleet.node(metainfo, i, standing_at("there")));
  for (const auto& node : there) REQUIRE(node->await<swarm::Completed>());
  CHECK(copies(there, metainfo) <= 1.3);
}

TEST_CASE("when the nodes near the source go, the others end all the same") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, standing_at("here", 4'000'000));
  auto near = fleet.node(metainfo, 2, standing_at("here", 1'000'000));
  std::vector<std::unique_ptr<Machine>> there;
  for (unsigned i = 3; i < 6; ++i) there.push_back(fleet.node(metainfo, i, standing_at("there")));
  REQUIRE(eventually([&] { return there[0]->progress(metainfo.info_hash()).done > 500'000; }));
  near.reset();
  for (const auto& node : there) REQUIRE(node->await<swarm::Completed>());
}

TEST_CASE("who does not say where it stands is near to all") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, standing_at("here", 4'000'000));
  std::vector<std::unique_ptr<Machine>> nodes;
  nodes.push_back(fleet.node(metainfo, 2, standing_at("")));
  nodes.push_back(fleet.node(metainfo, 3, standing_at("there")));
  nodes.push_back(fleet.node(metainfo, 4, standing_at("there")));
  for (const auto& node : nodes) REQUIRE(node->await<swarm::Completed>());
}

TEST_CASE("nodes of another site that have everything feed a site when no source is left") {
  Fleet fleet;
  const auto metainfo = published(fleet.source, piece);
  auto seeder = fleet.seeder(metainfo, 1, standing_at("here"));
  std::vector<std::unique_ptr<Machine>> here, there;
  for (unsigned i = 2; i < 4; ++i) here.push_back(fleet.node(metainfo, i, standing_at("here", 1'000'000)));
  for (const auto& node : here) REQUIRE(node->await<swarm::Completed>());
  seeder.reset();
  for (unsigned i = 4; i < 7; ++i) there.push_back(fleet.node(metainfo, i, standing_at("there")));
  for (const auto& node : there) REQUIRE(node->await<swarm::Completed>());
  double crossed = 0;
  for (const auto& node : there) crossed += static_cast<double>(node->progress(metainfo.info_hash()).from_peers);
  for (const auto& node : there) crossed -= static_cast<double>(node->progress(metainfo.info_hash()).sent);
  MESSAGE("crossed ", crossed / static_cast<double>(metainfo.layout().total_size()));
  CHECK(crossed < 1.5 * static_cast<double>(metainfo.layout().total_size()));
}
