#include "seeder/watch_decision.hpp"

#include <doctest/doctest.h>

namespace shoal::seeder {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds poll{10'000};

WatchRule rule_with(const std::string& settings) {
  auto rule = WatchRule::parse("/nas/{org}/{name}/{version} " + settings, {});
  REQUIRE(rule.ok());
  return rule.value();
}

Sha256 print_named(std::string_view text) { return crypto::sha256(text); }

/// A directory, what is remembered of it, and the time that passes between looks.
struct Watched {
  explicit Watched(const std::string& settings) : rule(rule_with(settings)) {
    seen.path = "/nas/acme/llama/1.0";
    seen.reference = {ModelName::trusted("acme/llama"), VersionName::trusted("1.0")};
    seen.files = 2;
    seen.print = print_named("first");
  }
  WatchStep look(std::chrono::milliseconds later = poll) {
    now += later;
    return next_step(rule, seen, memory, now);
  }
  void now_published() {
    WatchRecord record = begin(seen, memory);
    record.phase = WatchRecord::Phase::published;
    record.release = ReleaseId{};
    memory.record = record;
  }

  WatchRule rule;
  SeenDirectory seen;
  WatchMemory memory;
  SteadyTime now{};
};

TEST_CASE("a directory is published when its marker is there, and once") {
  Watched watched("complete=marker:DONE");
  CHECK(watched.look() == WatchStep::nothing);
  watched.seen.marked = true;
  CHECK(watched.look() == WatchStep::publish);
  watched.now_published();
  CHECK(watched.look() == WatchStep::nothing);
}

TEST_CASE("a settling time begins anew with every change, by the steady clock alone") {
  Watched watched("complete=settled:1m");
  watched.seen.newest_ns = INT64_MAX;  // the file server's clock is far in the future
  CHECK(watched.look() == WatchStep::nothing);
  CHECK(watched.look(seconds(59)) == WatchStep::nothing);
  watched.seen.print = print_named("another size");
  CHECK(watched.look(seconds(1)) == WatchStep::nothing);
  CHECK(watched.look(seconds(59)) == WatchStep::nothing);
  CHECK(watched.look(seconds(1)) == WatchStep::publish);
}

TEST_CASE("safetensors are inspected when two looks saw the same, and published when they are whole") {
  Watched watched("complete=safetensors");
  CHECK(watched.look() == WatchStep::nothing);
  CHECK(watched.look() == WatchStep::inspect);
  CHECK(inspected(watched.memory, fail(ErrorCode::partial, "cut"), watched.now, poll));
  CHECK(watched.look() == WatchStep::nothing);
  CHECK(watched.look() == WatchStep::inspect);
  CHECK_FALSE(inspected(watched.memory, fail(ErrorCode::partial, "cut"), watched.now, poll));
  watched.seen.print = print_named("whole");
  CHECK(watched.look() == WatchStep::nothing);
  CHECK(watched.look() == WatchStep::inspect);
  CHECK_FALSE(inspected(watched.memory, {}, watched.now, poll));
  CHECK(watched.look() == WatchStep::publish);
}

TEST_CASE("an empty directory is never complete") {
  Watched watched("complete=settled:0s");
  watched.seen.files = 0;
  CHECK(watched.look() == WatchStep::nothing);
  CHECK(watched.look() == WatchStep::nothing);
}

TEST_CASE("a problem of the directory is told once and keeps it from being published") {
  Watched watched("complete=settled:0s");
  watched.seen.problem = "a is a symbolic link";
  CHECK(watched.look() == WatchStep::tell);
  CHECK(watched.look() == WatchStep::nothing);
  watched.seen.problem = "b is a symbolic link";
  CHECK(watched.look() == WatchStep::tell);
  watched.seen.problem.clear();
  CHECK(watched.look() == WatchStep::publish);
}

TEST_CASE("a publication that fails is tried again later and later, at once after a change, and told once") {
  Watched watched("complete=settled:0s");
  CHECK(watched.look() == WatchStep::publish);
  CHECK(failed(watched.memory, fail("a cannot be read"), watched.now, poll));
  CHECK(watched.look() == WatchStep::nothing);
  CHECK(watched.look() == WatchStep::publish);
  CHECK_FALSE(failed(watched.memory, fail("a cannot be read"), watched.now, poll));
  CHECK(watched.look(3 * poll) == WatchStep::nothing);
  CHECK(watched.look() == WatchStep::publish);
  for (int i = 0; i < 40; ++i) failed(watched.memory, fail("a cannot be read"), watched.now, poll);
  CHECK(watched.look(minutes(10)) == WatchStep::publish);
  failed(watched.memory, fail("a cannot be read"), watched.now, poll);
  watched.seen.print = print_named("replaced during hashing");
  CHECK(watched.look() == WatchStep::publish);
}

TEST_CASE("a publication that a crash broke off is finished under the same version") {
  Watched watched("complete=settled:0s");
  watched.memory.record = begin(watched.seen, watched.memory);
  CHECK(watched.look() == WatchStep::publish);
  CHECK(begin(watched.seen, watched.memory).revision == 0);
}

TEST_CASE("what changes after it was published is told once, and so is that it is as before") {
  Watched watched("complete=settled:0s on_change=report");
  watched.look();
  watched.now_published();
  watched.seen.print = print_named("one byte differs");
  CHECK(watched.look() == WatchStep::changed);
  CHECK(watched.look() == WatchStep::nothing);
  watched.seen.print = print_named("first");
  CHECK(watched.look() == WatchStep::unchanged);
  CHECK(watched.look() == WatchStep::nothing);
}

TEST_CASE("by rule a change becomes a new version, when it is complete") {
  Watched watched("complete=settled:1m on_change=republish");
  watched.now_published();
  watched.seen.print = print_named("changed");
  CHECK(watched.look() == WatchStep::changed);
  CHECK(watched.look() == WatchStep::nothing);
  CHECK(watched.look(minutes(1)) == WatchStep::publish);
  CHECK(begin(watched.seen, watched.memory).revision == 1);
  watched.now_published();
  watched.seen.print = print_named("changed again");
  CHECK(watched.look() == WatchStep::changed);
  CHECK(begin(watched.seen, watched.memory).revision == 2);
}

TEST_CASE("by rule a change withdraws the version, and what cannot be withdrawn is tried again") {
  Watched watched("complete=settled:0s on_change=withdraw");
  watched.now_published();
  watched.seen.print = print_named("changed");
  CHECK(watched.look() == WatchStep::withdraw);
  watched.memory.told_change.reset();
  CHECK(failed(watched.memory, fail("a channel points at it"), watched.now, poll));
  CHECK(watched.look() == WatchStep::nothing);
  CHECK(watched.look() == WatchStep::withdraw);
  watched.memory.record->phase = WatchRecord::Phase::withdrawn;
  CHECK(watched.look() == WatchStep::nothing);
}

TEST_CASE("a root that is suddenly empty has lost its mount; one that was never full has not") {
  CHECK(looks_unmounted({}, 3));
  CHECK_FALSE(looks_unmounted({}, 0));
  Scan one;
  one.directories.emplace_back();
  CHECK_FALSE(looks_unmounted(one, 3));
}

}  // namespace
}  // namespace shoal::seeder
