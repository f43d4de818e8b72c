#include "node/collector.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "node/control_answers.hpp"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using test::must;

namespace {

const WallTime now = SystemClock().now() + std::chrono::hours(1);

ReleaseId id_of(unsigned n) {
  ReleaseId id;
  id.bytes[0] = static_cast<std::uint8_t>(n);
  return id;
}

void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

Track track_of(Phase phase, const ReleaseId& wanted) {
  Track track;
  track.phase = phase;
  track.wanted = wanted;
  return track;
}

/// Release 1 is whole, the fetches of 2 and 3 were begun.
struct Machine {
  Machine() {
    put(shelf.release(id_of(1)) / "weights.bin", "weights");
    for (unsigned n : {2U, 3U}) put(shelf.incoming(id_of(n)) / "weights.bin", "half");
  }
  GcReport collect(Collector::Owner owner, bool dry_run = false, RetentionPolicy policy = {}, ByteCount besides = 0) {
    return must(Collector(shelf, policy, std::move(owner)).collect(dry_run, besides, now));
  }
  TempDirectory directory;
  Shelf shelf{directory.path()};
};

const ChannelKey channel{must(ModelName::parse("acme/llama")), must(ChannelName::parse("main"))};

}  // namespace

TEST_CASE("without a running node, unfinished fetches go that no channel wants, and the others stay") {
  Machine machine;
  const GcReport report = machine.collect(owner_by_tracks({{channel, track_of(Phase::failed, id_of(2))}}));
  CHECK(report.unfinished == std::vector<ReleaseId>{id_of(3)});
  CHECK(fs::exists(machine.shelf.incoming(id_of(2))));
  CHECK_FALSE(fs::exists(machine.shelf.incoming(id_of(3))));
}

TEST_CASE("a fetch that a channel completed is not wanted any more") {
  Machine machine;
  const GcReport report = machine.collect(owner_by_tracks({{channel, track_of(Phase::active, id_of(2))}}));
  CHECK(report.unfinished == std::vector<ReleaseId>{id_of(2), id_of(3)});
}

TEST_CASE("a dry run reports the same and removes nothing") {
  Machine machine;
  const GcReport would = machine.collect(owner_by_tracks({}), true);
  CHECK(would.dry_run);
  CHECK(would.unfinished.size() == 2);
  REQUIRE(would.removed.size() == 1);
  CHECK(fs::exists(machine.shelf.release(id_of(1))));
  CHECK(fs::exists(machine.shelf.incoming(id_of(3))));
  const GcReport done = machine.collect(owner_by_tracks({}));
  CHECK(done.removed.at(0).release == would.removed.at(0).release);
  CHECK(done.bytes_freed == would.bytes_freed);
  CHECK(done.unfinished == would.unfinished);
}

TEST_CASE("a release that a channel is on the way to, or would go back to, stays") {
  Machine machine;
  CHECK(machine.collect(owner_by_tracks({{channel, track_of(Phase::ready, id_of(1))}})).removed.empty());
  Track track;
  track.previous = id_of(1);
  must(TrackStore(machine.shelf.state()).save(channel, track));
  const GcReport report = machine.collect(owner_by_tracks({}));
  CHECK(report.removed.empty());
  CHECK(report.bytes_freed == 0);
  CHECK(report.bytes_held > 0);
}

TEST_CASE("a release is served until it goes, and not touched where it is in use") {
  Machine machine;
  std::vector<ReleaseId> stopped;
  Collector::Owner owner = owner_by_tracks({});
  owner.stop_serving = [&](const ReleaseId& id) {
    CHECK(fs::exists(machine.shelf.release(id)));
    stopped.push_back(id);
  };
  owner.in_use = [](const ReleaseId&) { return true; };
  CHECK(machine.collect(owner).removed.empty());
  CHECK(stopped.empty());
  owner.in_use = [](const ReleaseId&) { return false; };
  CHECK(machine.collect(owner).removed.size() == 1);
  CHECK(stopped == std::vector<ReleaseId>{id_of(1)});
}

TEST_CASE("within a quota only what is wanted besides makes a release go") {
  Machine machine;
  RetentionPolicy policy;
  policy.quota = MiB;
  CHECK(machine.collect(owner_by_tracks({}), false, policy).removed.empty());
  CHECK(machine.collect(owner_by_tracks({}), false, policy, MiB).removed.size() == 1);
}

TEST_CASE("a report as JSON names what went, what was unfinished, and the bytes") {
  GcReport report;
  report.removed.push_back({id_of(1), "acme/llama@1.0", 7});
  report.unfinished = {id_of(2)};
  report.bytes_freed = 7;
  report.bytes_held = 9;
  CHECK(to_json(report) == Json{{"type", "gc"},
                                {"dry_run", false},
                                {"removed", {{{"release", id_of(1).hex()}, {"title", "acme/llama@1.0"}, {"bytes", 7}}}},
                                {"unfinished", {id_of(2).hex()}},
                                {"bytes_freed", 7},
                                {"bytes_held", 9}});
}
