#include "tracker/page/fleet_model.hpp"

#include <doctest/doctest.h>

#include "facts_of.hpp"

namespace shoal::page::test {
namespace {

struct Fleet {
  FleetModel model{"fleet"};
  Fleet() {
    model.set_machines(
        {row(node(1), "berlin"), row(node(2), "berlin"), row(node(3), "oslo"), row(node(9), "berlin", identity::Role::seeder)}, start);
    model.set_releases({release(1)});
  }
  Json changes(int seconds) {
    const std::string text = model.changes(after(seconds));
    return text.empty() ? Json() : shoal::test::must(parse_json(text, MiB));
  }
};

TEST_CASE_FIXTURE(Fleet, "the bytes of a release are summed up by where they came from, and by site") {
  model.take(says(node(1), {follows("active", release_id(1), release_id(1))}, {transfer(1, 1000, 600, 400)}));
  model.take(says(node(2), {follows("fetching", release_id(1))}, {transfer(1, 500, 100, 400, 50)}));
  model.take(says(node(3), {follows("wanted", release_id(1))}));
  model.turn(start);
  const ReleaseView& view = view_of(model, 1);
  CHECK(view.all.machines == 3);
  CHECK(view.all.complete == 1);
  CHECK(view.all.fetching == 1);
  CHECK(view.all.waiting == 1);
  CHECK(view.from_source == 700);
  CHECK(view.from_peers == 800);
  CHECK(view.copies() == doctest::Approx(0.7));
  CHECK(view.sites.at("berlin").done == 1500);
  CHECK(view.sites.at("berlin").complete == 1);
  CHECK(view.sites.at("oslo").complete == 0);
  CHECK(view.seconds_left == 10);
}

TEST_CASE_FIXTURE(Fleet, "the slowest come first, and each says why") {
  auto stalled = transfer(1, 900, 0, 900);
  stalled.stall = "no_peers";
  model.take(says(node(1), {follows("fetching", release_id(1))}, {transfer(1, 500, 0, 500, 10)}));
  model.take(says(node(2), {follows("fetching", release_id(1))}, {transfer(1, 500, 0, 500, 100)}));
  model.take(says(node(3), {follows("fetching", release_id(1))}, {stalled}));
  model.turn(start);
  const auto& slowest = view_of(model, 1).slowest;
  REQUIRE(slowest.size() == 3);
  CHECK(slowest[0].machine == node(3));
  CHECK(slowest[0].why == "stalled: no_peers");
  CHECK(slowest[1].machine == node(1));
  CHECK(slowest[1].seconds_left == 50);
  CHECK(slowest[1].why == "slow link");
}

TEST_CASE("of many slow machines ten are named") {
  FleetModel model("fleet");
  std::vector<registry::MachineRow> rows;
  for (int i = 0; i < 50; ++i) rows.push_back(row(node(i)));
  model.set_machines(rows, start);
  model.set_releases({release(1)});
  for (int i = 0; i < 50; ++i) model.take(says(node(i), {}, {transfer(1, 100, 0, 100, static_cast<ByteCount>(i + 1))}));
  model.turn(start);
  CHECK(view_of(model, 1).slowest.size() == 10);
  CHECK(view_of(model, 1).slowest.front().machine == node(0));
}

TEST_CASE_FIXTURE(Fleet, "where the bytes came from stays known when the transfer has ended or the node starts again") {
  model.take(says(node(1), {}, {transfer(1, 1000, 600, 400)}));
  model.take(says(node(1), {follows("active", release_id(1), release_id(1))}));
  model.turn(start);
  CHECK(view_of(model, 1).from_source == 600);
  model.take(says(node(1), {}, {transfer(1, 1000, 0, 0)}));
  model.turn(after(1));
  CHECK(view_of(model, 1).from_source == 600);
}

TEST_CASE_FIXTURE(Fleet, "a machine that only announces counts") {
  model.set_presences({{release_id(1), {{node(1), true}, {node(2), false}, {node(9), true}}}}, start);
  model.turn(start);
  CHECK(view_of(model, 1).all.complete == 1);
  CHECK(view_of(model, 1).all.fetching == 1);
  CHECK(view_of(model, 1).sources == 1);
  CHECK(model.machines().at(node(1)).seen == start);
}

TEST_CASE_FIXTURE(Fleet, "readers get only what changed, and nothing where nothing did") {
  model.turn(start);
  CHECK(changes(0)["machines"].size() == 4);
  CHECK(changes(0).is_null());
  model.take(says(node(2), {follows("fetching", release_id(1))}, {transfer(1, 10, 10, 0, 5)}));
  model.turn(after(2));
  const Json told = changes(2);
  REQUIRE(told["machines"].size() == 1);
  CHECK(told["machines"][0]["id"] == node(2).str());
  CHECK(told["releases"].size() == 1);
  CHECK(told["curves"].size() == 1);
  model.turn(after(3));
  CHECK(changes(3).is_null());
}

TEST_CASE_FIXTURE(Fleet, "readers learn once of a machine that was removed, and the picture leaves it out") {
  (void)changes(0);
  model.set_machines({row(node(1))}, after(1));
  model.turn(after(1));
  CHECK(changes(1)["gone"].size() == 3);
  CHECK(shoal::test::must(parse_json(model.picture(after(1)), MiB))["machines"].size() == 1);
}

TEST_CASE_FIXTURE(Fleet, "the picture is JSON whatever machines call themselves") {
  auto hostile = row(node(1));
  hostile.name = "</script><img src=x onerror=alert(1)>\n\ndata: \xff\"";
  model.set_machines({hostile}, start);
  model.turn(start);
  const std::string picture = model.picture(start);
  CHECK(picture.find('\n') == std::string::npos);  // one line: it cannot end the event
  CHECK(parse_json(picture, MiB).ok());
}

TEST_CASE_FIXTURE(Fleet, "what happened on a machine is remembered for an hour") {
  model.take(says(node(1), {follows("fetching", release_id(1))}));
  model.take(says(node(1), {follows("failed", release_id(1))}, {}, after(5)));
  const Json events = model.details(node(1))["events"];
  REQUIRE(events.size() == 2);
  CHECK(events[0]["kind"] == "fetching");  // under way at the first report
  CHECK(events[1]["kind"] == "failed");
  CHECK(model.details(node(2))["events"].empty());
  CHECK(model.details(node(77)).is_null());
  model.turn(after(3700));
  CHECK(model.details(node(1))["events"].empty());
}

TEST_CASE_FIXTURE(Fleet, "that a release is complete is an event of its own only where no channel tells it") {
  for (const ByteCount done : {500, 1000}) {
    model.take(says(node(1), {follows("fetching", release_id(1))}, {transfer(1, done, done, 0)}));
    model.take(says(node(2), {}, {transfer(1, done, done, 0)}));
  }
  CHECK(model.details(node(1))["events"].size() == 1);
  REQUIRE(model.details(node(2))["events"].size() == 1);
  CHECK(model.details(node(2))["events"][0]["kind"] == "complete");
}

TEST_CASE("a change tells of a hundred events at most, however many machines report at once") {
  FleetModel model("fleet");
  std::vector<registry::MachineRow> rows;
  for (int i = 0; i < 300; ++i) rows.push_back(row(node(i)));
  model.set_machines(rows, start);
  for (int i = 0; i < 300; ++i) model.take(says(node(i), {follows("fetching", release_id(1))}));
  CHECK(shoal::test::must(parse_json(model.changes(start), MiB))["events"].size() == 100);
}

TEST_CASE_FIXTURE(Fleet, "a failed activation, a silent source and a halted rollout need attention") {
  auto failed = follows("failed", release_id(1));
  failed.reason = "the hook ended with exit code 1";
  model.take(says(node(1), {failed}, {}, after(600)));
  ChannelFacts channel;
  channel.model = ModelName::trusted("acme/llama");
  channel.channel = ChannelName::trusted("main");
  channel.halted = true;
  channel.expires = start + std::chrono::hours(24 * 90);
  model.set_channels({channel});
  model.turn(after(600));
  std::set<std::string> kinds;
  for (const Finding& finding : model.findings()) kinds.insert(finding.kind);
  CHECK(kinds == std::set<std::string>{"activation_failed", "source_away", "rollout_halted", "node_silent"});
  CHECK(model.findings().front().severity == overview::Severity::error);
}

TEST_CASE_FIXTURE(Fleet, "a failed switch needs attention while the node tries again, and until it succeeds or wants something else") {
  const auto failures = [&](int seconds, const std::string& phase, std::uint8_t wanted, std::optional<ReleaseId> active = {}) {
    model.take(says(node(1), {follows(phase, release_id(wanted), active)}, {}, after(seconds)));
    model.turn(after(seconds));
    return std::count_if(model.findings().begin(), model.findings().end(),
                         [](const Finding& each) { return each.kind == "activation_failed"; });
  };
  CHECK(failures(0, "failed", 1) == 1);
  CHECK(failures(10, "activating", 1) == 1);
  CHECK(failures(20, "active", 1, release_id(1)) == 0);
  CHECK(failures(30, "failed", 2, release_id(1)) == 1);
  CHECK(failures(40, "fetching", 3, release_id(1)) == 0);
}

TEST_CASE_FIXTURE(Fleet, "a node that lacks for half an hour what half of the nodes have lags") {
  const auto lags = [&](int seconds) {
    for (const int number : {1, 2})
      model.take(says(node(number), {follows("active", release_id(1), release_id(1))}, {transfer(1, 1000, 1000, 0)}, after(seconds)));
    model.take(says(node(3), {follows("fetching", release_id(1))}, {transfer(1, 10, 10, 0)}, after(seconds)));
    model.turn(after(seconds));
    return std::any_of(model.findings().begin(), model.findings().end(),
                       [](const Finding& each) { return each.kind == "node_lags" && each.subject == node(3).str(); });
  };
  CHECK_FALSE(lags(0));
  CHECK_FALSE(lags(1790));
  CHECK(lags(1800));
  model.take(says(node(3), {follows("active", release_id(1), release_id(1))}, {transfer(1, 1000, 10, 990)}, after(1810)));
  model.turn(after(1810));
  CHECK(std::none_of(model.findings().begin(), model.findings().end(), [](const Finding& each) { return each.kind == "node_lags"; }));
}

TEST_CASE_FIXTURE(Fleet, "a certificate that was not renewed in time is a warning, and an error once it ended") {
  model.turn(after(23 * 3600));
  auto has = [&](const std::string& kind) {
    return std::any_of(model.findings().begin(), model.findings().end(), [&](const Finding& each) { return each.kind == kind; });
  };
  CHECK(has("certificate_ends"));
  model.turn(after(25 * 3600));
  CHECK(has("certificate_ended"));
}

}  // namespace
}  // namespace shoal::page::test
