#include "tracker/node_reports.hpp"

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::tracker;
using registry::NodeReport;
using registry::SubscriptionReport;
using shoal::test::must;
using shoal::test::node_id;

namespace {

const ModelName model = ModelName::trusted("acme/chat");
const ChannelName stable = ChannelName::trusted("stable");
const WallTime now = WallTime(std::chrono::seconds(1'700'000'000));

ReleaseId release(std::uint8_t number) {
  ReleaseId id;
  id.bytes[0] = number;
  return id;
}
SubscriptionReport row(const char* phase, std::optional<ReleaseId> wanted, std::optional<ReleaseId> active) {
  SubscriptionReport report;
  report.model = model;
  report.channel = stable;
  report.phase = phase;
  report.wanted = wanted;
  report.active = active;
  return report;
}
NodeReport failing() { return {"shoal", {row("failed", release(2), release(1))}}; }
NodeReport running() { return {"shoal", {row("active", release(2), release(2))}}; }
NodeReport fetching() { return {"shoal", {row("fetching", release(2), release(1))}}; }

NodeReport tried_under(NodeReport report, std::uint64_t sequence, std::uint64_t epoch = 1) {
  report.subscriptions[0].tried = {epoch, sequence};
  return report;
}

RolloutTally tally_of(const NodeReport& report) {
  NodeReports reports;
  must(reports.put(node_id(1), report, now));
  RolloutTally tally = reports.tally({{model, stable, 1, 1, Sha256{}, false}, release(2)}, now);
  tally.audience = 0;
  return tally;
}

struct Watch {
  ManualClock clock{now};
  bool halted = false;
  std::uint32_t halt_percent = 20;
  std::uint32_t percent = 100;
  std::uint64_t sequence = 1;
  std::uint64_t judged_from = 1;
  WallTime judged_since = now;
  FreshnessDesk desk{FleetName::trusted("f"), crypto::PrivateKey::generate(), clock, [this]() -> Result<Situation> {
                       return Situation{1, true, {standing()}};
                     }};
  NodeReports reports;

  ChannelStanding standing() const {
    ChannelStanding standing{{model, stable, 1, sequence, Sha256{}, halted}, release(2), halt_percent, percent, "salt"};
    standing.judged_from = judged_from;
    standing.judged_since = judged_since;
    return standing;
  }
  /// The same release is set, or resumed, by a new pointer.
  void set_again() {
    clock.advance(std::chrono::seconds(10));
    judged_from = ++sequence;
    judged_since = clock.now();
    halted = false;
  }
  RolloutTally tally() const { return reports.tally(standing(), clock.now()); }
  std::size_t halts_after(unsigned node, const NodeReport& report) {
    must(desk.refresh());
    must(reports.put(node_id(node), report, clock.now()));
    return reports.to_halt(report, desk, clock.now()).size();
  }
};

TEST_CASE("those that look get each report once") {
  NodeReports reports;
  std::uint64_t serial = 0;
  CHECK(reports.put(NodeId::trusted("one"), running(), WallTime{}).ok());
  CHECK(reports.put(NodeId::trusted("two"), running(), WallTime{}).ok());
  CHECK(reports.since(serial).size() == 2);
  CHECK(reports.since(serial).empty());
  CHECK(reports.put(NodeId::trusted("two"), failing(), WallTime{}).ok());
  const auto news = reports.since(serial);
  REQUIRE(news.size() == 1);
  CHECK(news[0].machine == NodeId::trusted("two"));
}

TEST_CASE("machines that fetch report often in a small fleet, and seldom in a large one") {
  CHECK(report_again(0) == std::chrono::seconds(2));
  CHECK(report_again(500) == std::chrono::seconds(10));
  CHECK(report_again(10000) == std::chrono::seconds(30));
}

}  // namespace

TEST_CASE("a node counts as failed or as active by what it says of the release") {
  CHECK(tally_of(failing()) == RolloutTally{1, 0});
  CHECK(tally_of(running()) == RolloutTally{0, 1});
  CHECK(tally_of(fetching()) == RolloutTally{0, 0});
  CHECK(tally_of({"s", {row("failed", release(3), release(2))}}) == RolloutTally{0, 1});  // failed with another one
  CHECK(tally_of({"s", {row("failed", {}, {})}}) == RolloutTally{0, 0});
  CHECK(tally_of({"s", {}}) == RolloutTally{0, 0});
  NodeReport elsewhere = failing();
  elsewhere.subscriptions[0].channel = ChannelName::trusted("beta");
  CHECK(tally_of(elsewhere) == RolloutTally{0, 0});
}

TEST_CASE("a node that repeats itself in one report counts once") {
  NodeReport loud = failing();
  for (int i = 0; i < 5; ++i) loud.subscriptions.push_back(loud.subscriptions[0]);
  CHECK(tally_of(loud) == RolloutTally{1, 0});
}

TEST_CASE("a rollout halts when more than the given share of those that tried failed") {
  CHECK_FALSE(halts({0, 0}, 20));
  CHECK_FALSE(halts({0, 100}, 20));
  CHECK_FALSE(halts({20, 80}, 20));
  CHECK(halts({21, 79}, 20));
  CHECK(halts({1, 0}, 99));
  CHECK_FALSE(halts({1, 0}, 100));
  CHECK_FALSE(halts({100, 0}, 0));
  CHECK(halts({4'000'000'000, 1}, 99));
}

TEST_CASE("the failure that exceeds the share halts the channel, and the next ones do not halt it again") {
  Watch watch;
  for (unsigned node = 0; node < 8; ++node) CHECK(watch.halts_after(node, running()) == 0);
  CHECK(watch.halts_after(20, failing()) == 0);
  CHECK(watch.halts_after(20, failing()) == 0);  // says it again
  CHECK(watch.halts_after(21, failing()) == 0);  // 2 of 10
  CHECK(watch.halts_after(22, failing()) == 1);
  watch.halted = true;
  CHECK(watch.halts_after(23, failing()) == 0);
}

TEST_CASE("one early failure halts no rollout of many, and all failures halt one of few") {
  Watch watch;
  for (unsigned node = 1; node <= 40; ++node) CHECK(watch.halts_after(node, fetching()) == 0);
  for (unsigned node = 1; node <= 4; ++node) CHECK(watch.halts_after(node, failing()) == 0);
  CHECK(watch.halts_after(5, failing()) == 1);
  Watch few;
  few.halts_after(1, fetching());
  few.halts_after(2, fetching());
  CHECK(few.halts_after(1, failing()) == 0);
  CHECK(few.halts_after(2, failing()) == 1);
}

TEST_CASE("a rollout that goes to a part of the fleet is judged by that part") {
  Watch watch;
  watch.percent = 10;
  const manifest::Rollout rollout{watch.percent, "salt", {}, watch.halt_percent};
  std::vector<unsigned> chosen;
  for (unsigned node = 1; node <= 30; ++node) {
    watch.halts_after(node, fetching());
    if (manifest::is_chosen(rollout, node_id(node))) chosen.push_back(node);
  }
  REQUIRE(chosen.size() >= 2);
  REQUIRE(chosen.size() < smallest_sample);
  for (std::size_t i = 0; i + 1 < chosen.size(); ++i) CHECK(watch.halts_after(chosen[i], failing()) == 0);
  CHECK(watch.halts_after(chosen.back(), failing()) == 1);
}

TEST_CASE("machines that were revoked or have gone count neither way") {
  Watch watch;
  for (unsigned node = 1; node <= 6; ++node) watch.halts_after(node, node <= 2 ? failing() : fetching());
  watch.reports.forget(node_id(1));
  CHECK(watch.tally() == RolloutTally{1, 0, 5});
  watch.clock.advance(report_life + std::chrono::seconds(1));
  CHECK(watch.tally() == RolloutTally{0, 0, 0});
}

TEST_CASE("a channel that never halts does not") {
  Watch watch;
  watch.halt_percent = 0;
  for (unsigned node = 0; node < 8; ++node) CHECK(watch.halts_after(node, failing()) == 0);
}

TEST_CASE("a node that recovered no longer counts as failed") {
  Watch watch;
  CHECK(watch.halts_after(1, running()) == 0);
  CHECK(watch.halts_after(2, fetching()) == 0);
  CHECK(watch.halts_after(2, failing()) == 1);
  CHECK(watch.halts_after(2, running()) == 0);
  CHECK(watch.tally() == RolloutTally{0, 2, 2});
}

TEST_CASE("the list has every node, and others that reported") {
  using identity::Role;
  NodeReports reports;
  must(reports.put(node_id(1), running(), now));
  must(reports.put(node_id(3), fetching(), now));
  auto machine = [](unsigned number, Role role) { return registry::MachineRow{node_id(number), role, "m", "", now}; };
  auto rows = reports.rows({machine(1, Role::node), machine(2, Role::node), machine(3, Role::seeder), machine(4, Role::admin)});
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].seen == now);
  CHECK(rows[0].report.subscriptions.size() == 1);
  CHECK_FALSE(rows[1].seen);
  CHECK(rows[2].machine.role == Role::seeder);
}

TEST_CASE("a report of too many subscriptions is refused") {
  NodeReports reports;
  NodeReport large = running();
  large.subscriptions.resize(NodeReports::most_subscriptions + 1, large.subscriptions[0]);
  Status status = reports.put(node_id(1), large, now);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::usage);
}

TEST_CASE("after a rollout was resumed, only failures of tries under the new pointer count") {
  Watch watch;
  for (unsigned node = 1; node <= 2; ++node) watch.halts_after(node, tried_under(fetching(), 1));
  CHECK(watch.halts_after(1, tried_under(failing(), 1)) == 0);
  CHECK(watch.halts_after(2, tried_under(failing(), 1)) == 1);
  watch.set_again();
  CHECK(watch.halts_after(1, tried_under(failing(), 1)) == 0);  // they have not tried again yet
  CHECK(watch.halts_after(2, tried_under(failing(), 1)) == 0);
  CHECK(watch.tally() == RolloutTally{0, 0, 2});
  CHECK(watch.halts_after(1, tried_under(failing(), 2)) == 0);
  CHECK(watch.halts_after(2, tried_under(failing(), 2)) == 1);
}

TEST_CASE("a try under an earlier epoch does not count, one under a renewed pointer does") {
  Watch watch;
  watch.halts_after(1, tried_under(failing(), 900, 0));
  CHECK(watch.tally() == RolloutTally{0, 0, 1});
  watch.sequence = 5;  // renewed: what counts begins where the rollout did
  watch.halts_after(1, tried_under(failing(), 1));
  CHECK(watch.tally() == RolloutTally{1, 0, 1});
}

TEST_CASE(
    "of a node that does not say under which pointer it tried, what it said before the pointer came counts after half an hour alone") {
  Watch watch;
  watch.halts_after(1, failing());
  watch.set_again();
  CHECK(watch.halts_after(1, failing()) == 0);
  SUBCASE("it tried again") {
    watch.halts_after(1, fetching());
    CHECK(watch.halts_after(1, failing()) == 1);
  }
  SUBCASE("it fails with something else first") {
    NodeReport other = failing();
    other.subscriptions[0].wanted = release(3);
    watch.halts_after(1, other);
    CHECK(watch.halts_after(1, failing()) == 1);
  }
  SUBCASE("it has had to try again since") {
    watch.clock.advance(longest_until_retry);
    CHECK(watch.halts_after(1, failing()) == 1);
  }
}

TEST_CASE("a list of any size goes in pages that our own client can read, each machine once and in order") {
  NodeReports reports;
  std::vector<registry::MachineRow> machines;
  NodeReport large = fetching();
  large.subscriptions[0].reason = std::string(registry::remark_limit, 'x');
  large.subscriptions.resize(60, large.subscriptions[0]);
  for (unsigned number = 0; number < 500; ++number) {
    machines.push_back({node_id(number), identity::Role::node, "m", "", now});
    must(reports.put(node_id(number), large, now));
  }
  REQUIRE(encode(registry::NodePage{reports.rows(machines)}).size() > registry::list_limit);
  std::vector<NodeId> seen;
  registry::NodePage page;
  do {
    page = must(reports.page(machines, page.next, 4 * MiB));
    CHECK(encode(page).size() < registry::list_limit / 2);
    for (const auto& row : page.nodes) seen.push_back(row.machine.id);
  } while (!page.next.empty());
  REQUIRE(seen.size() == machines.size());
  for (unsigned number = 0; number < 500; ++number) CHECK(seen[number] == node_id(number));
  CHECK(must(reports.page(machines, {}, 1)).nodes.size() == 1);
  CHECK(reports.page(machines, node_id(9000), 4 * MiB).error().code == ErrorCode::not_found);
  CHECK(must(reports.page({}, {}, 4 * MiB)).next.empty());
}

TEST_CASE("what a machine said is forgotten with the machine") {
  NodeReports reports;
  const registry::MachineRow kept{node_id(1), identity::Role::node, "m", "", now},
      removed{node_id(2), identity::Role::seeder, "m", "", now};
  must(reports.put(kept.id, running(), now));
  must(reports.put(removed.id, running(), now));
  reports.retain({kept});
  CHECK(reports.rows({kept, removed}).size() == 1);
  CHECK(reports.rows({kept}).at(0).seen == now);
}

TEST_CASE("two processes that report in turn as one machine are noticed, and forgotten once one of them is silent") {
  NodeReports reports;
  const std::vector<registry::MachineRow> machines{{node_id(1), identity::Role::node, "gpu1", "", now + std::chrono::hours(24)}};
  const auto report = [&](std::uint64_t run, std::chrono::seconds after) {
    NodeReport sent = running();
    sent.run = run;
    must(reports.put(node_id(1), sent, now + after));
    return reports.rows(machines)[0].machine.held_twice;
  };
  CHECK_FALSE(report(1, std::chrono::seconds(0)));
  CHECK_FALSE(report(2, std::chrono::seconds(1)));  // restarted
  CHECK_FALSE(report(2, std::chrono::seconds(2)));
  CHECK(report(1, std::chrono::seconds(3)) == now + std::chrono::seconds(3));
  CHECK(report(2, std::chrono::seconds(4)) == now + std::chrono::seconds(3));
  CHECK(report(2, std::chrono::seconds(60)) == now + std::chrono::seconds(3));
  CHECK_FALSE(report(2, std::chrono::minutes(6)));
  CHECK_FALSE(report(0, std::chrono::minutes(7)));  // an older version, and back
  CHECK_FALSE(report(0, std::chrono::minutes(7)));
}
