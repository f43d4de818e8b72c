// Limits that change while content moves.
#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

/// A source and one node that fetches from it.
struct Pair {
  Pair() {
    put_checkpoint(dir.path() / "source", 4, 8'000'000);
    metainfo.emplace(published(dir.path() / "source", 64 * KiB));
    seeder = std::make_unique<Machine>(tracker, certificates, Role::seeder, 1);
    node = std::make_unique<Machine>(tracker, certificates, Role::node, 2);
  }
  void begin() {
    REQUIRE(seeder->swarm().add({*metainfo, dir.path() / "source", swarm::Mode::seed}).ok());
    REQUIRE(node->swarm().add({*metainfo, dir.path() / "node", swarm::Mode::fetch}).ok());
  }
  swarm::Progress progress() const { return node->progress(metainfo->info_hash()); }

  FakeTracker tracker;
  TestFleet certificates;
  TempDirectory dir;
  std::optional<metainfo::CheckedMetainfo> metainfo;
  std::unique_ptr<Machine> seeder, node;
};

}  // namespace

// At 100 kB a second the content would take more than five minutes: `await` would give up.
TEST_CASE("an upload limit holds for peers on this machine, and a transfer that runs follows when it is lifted") {
  Pair pair;
  pair.seeder->swarm().set_limits(100'000, 0);
  pair.begin();
  REQUIRE(eventually([&] { return pair.progress().done > 0; }));
  CHECK_FALSE(pair.progress().complete);
  pair.seeder->swarm().set_limits(0, 0);
  CHECK(pair.node->await<swarm::Completed>());
}

TEST_CASE("a download limit holds, and a transfer that runs follows when it is lifted") {
  Pair pair;
  pair.node->swarm().set_limits(0, 100'000);
  pair.begin();
  REQUIRE(eventually([&] { return pair.progress().done > 0; }));
  CHECK_FALSE(pair.progress().complete);
  pair.node->swarm().set_limits(0, 0);
  CHECK(pair.node->await<swarm::Completed>());
}

TEST_CASE("a limit that comes while content moves slows it down") {
  Pair pair;
  pair.seeder->swarm().set_limits(8'000'000, 0);
  pair.begin();
  REQUIRE(eventually([&] { return pair.progress().download_rate > 1'000'000; }));
  pair.seeder->swarm().set_limits(20'000, 0);
  // The rate is smoothed over five seconds. Without the limit all would be here in four.
  CHECK(eventually([&] { return pair.progress().download_rate < 800'000; }));
  CHECK_FALSE(pair.progress().complete);
}
