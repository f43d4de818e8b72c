// Fetches of which nothing arrives: each says why, and goes on when the reason is gone.
#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::test;
using fanout::StallReason;
using identity::Role;

namespace {

swarm::SwarmOptions impatient() {
  swarm::SwarmOptions options;
  options.stall = {.waits_after = 500ms, .stalls_after = 2s};
  return options;
}

struct Lab {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  const metainfo::CheckedMetainfo metainfo;
  const InfoHash id;

  Lab()
      : metainfo(published((put_checkpoint(dir.path() / "source", 2, 1'000'000), dir.path() / "source"), 256 * KiB)),
        id(metainfo.info_hash()) {}

  void serve(Machine& machine) { REQUIRE(machine.swarm().add({metainfo, dir.path() / "source", swarm::Mode::seed}).ok()); }
  void fetch(Machine& machine, const std::string& name = "copy") {
    fs::create_directories(dir.path() / name);
    REQUIRE(machine.swarm().add({metainfo, dir.path() / name, swarm::Mode::fetch}).ok());
  }

  fanout::Stall stall(const Machine& machine) const { return machine.progress(id).stall; }
  /// It comes to a stall for this reason.
  void check_stalls(Machine& machine, StallReason reason) const {
    const bool found = eventually([&] { return stall(machine).stalled && stall(machine).reason == reason; }, 30s);
    INFO("it says: " << stall(machine).text);
    CHECK_MESSAGE(found, "expected: " << name(reason));
    CHECK(stalled(machine, reason) == 1);
  }
  void check_goes_on(Machine& machine) const {
    CHECK(machine.await<swarm::Completed>(60s));
    CHECK(eventually([&] { return stall(machine).reason == StallReason::none; }, 20s));
    CHECK(stalled(machine, StallReason::no_peers) == 0);
  }
  /// By the numbers for Prometheus.
  static std::size_t stalled(Machine& machine, StallReason reason) {
    return machine.swarm().totals().stalled.at(static_cast<std::size_t>(reason));
  }
};

}  // namespace

TEST_CASE("a fetch for which the tracker names nobody says so, and goes on when somebody comes") {
  Lab lab;
  Machine node(lab.tracker, lab.fleet, Role::node, 1, impatient());
  lab.fetch(node);
  CHECK(eventually([&] { return lab.stall(node).reason == StallReason::no_peers; }, 10s));
  lab.check_stalls(node, StallReason::no_peers);
  Machine source(lab.tracker, lab.fleet, Role::seeder, 2);
  lab.serve(source);
  lab.check_goes_on(node);
}

TEST_CASE("a fetch that knows nobody while the tracker is away says so, and asks again at once when it is back") {
  Lab lab;
  lab.tracker.set_down(true);
  Machine source(lab.tracker, lab.fleet, Role::seeder, 1);
  lab.serve(source);
  Machine node(lab.tracker, lab.fleet, Role::node, 2, impatient());
  lab.fetch(node);
  lab.check_stalls(node, StallReason::tracker);
  lab.tracker.set_down(false);
  lab.check_goes_on(node);
}

TEST_CASE("a fetch whose peers cannot be reached says so") {
  Lab lab;
  Machine gone(lab.tracker, lab.fleet, Role::seeder, 1);
  lab.tracker.add(lab.id, gone.id(), 1);  // nobody listens on port 1
  Machine node(lab.tracker, lab.fleet, Role::node, 2, impatient());
  lab.fetch(node);
  lab.check_stalls(node, StallReason::unreachable);
  Machine source(lab.tracker, lab.fleet, Role::seeder, 3);
  lab.serve(source);
  lab.check_goes_on(node);
}

TEST_CASE("nodes that know only each other and have nothing say so, and go on when a source comes") {
  Lab lab;
  Machine first(lab.tracker, lab.fleet, Role::node, 1, impatient()), second(lab.tracker, lab.fleet, Role::node, 2, impatient());
  lab.fetch(first, "first");
  lab.fetch(second, "second");
  lab.check_stalls(first, StallReason::no_pieces);
  lab.check_stalls(second, StallReason::no_pieces);
  Machine source(lab.tracker, lab.fleet, Role::seeder, 3);
  lab.serve(source);
  lab.check_goes_on(first);
  lab.check_goes_on(second);
}

TEST_CASE("a limit that lets nothing through is the reason, and the fetch goes on without it") {
  Lab lab;
  Machine source(lab.tracker, lab.fleet, Role::seeder, 1);
  lab.serve(source);
  auto options = impatient();
  options.download_limit = 500;
  Machine node(lab.tracker, lab.fleet, Role::node, 2, options);
  lab.fetch(node);
  lab.check_stalls(node, StallReason::throttled);
  node.swarm().set_limits(0, 0);
  lab.check_goes_on(node);
}

TEST_CASE("what is complete or only served is never stalled") {
  Lab lab;
  Machine source(lab.tracker, lab.fleet, Role::seeder, 1, impatient());
  lab.serve(source);
  CHECK_FALSE(eventually([&] { return lab.stall(source).reason != StallReason::none; }, 4s));
}
