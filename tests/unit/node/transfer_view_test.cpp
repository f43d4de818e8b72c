// The figures of a fetch while it runs: rates against the best that was seen, time left, the slowest link.
#include "node/transfer_view.hpp"

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace std::chrono_literals;
using node::TransferFacts;
using node::TransferView;
using shoal::test::node_id;

namespace {

/// A fetch of 100 MB from a seeder and two nodes, and another content on the same machine.
struct Fetch {
  TransferFacts pass(std::chrono::milliseconds by, ByteCount from_source, ByteCount from_first, ByteCount from_second) {
    now += by;
    progress.from_source += from_source;
    progress.from_peers += from_first + from_second;
    progress.done = progress.from_source + progress.from_peers;
    links[0].received += from_source;
    links[1].received += from_first;
    links[2].received += from_second;
    links[3].received += 5;
    return view.see(content, progress, links, now);
  }

  InfoHash content{};
  SteadyTime now{};
  swarm::Progress progress{100 * MB};
  std::vector<mesh::LinkCounters> links{{node_id(1), identity::Role::seeder, InfoHash{}},
                                        {node_id(2), identity::Role::node, InfoHash{}},
                                        {node_id(3), identity::Role::node, InfoHash{}},
                                        {node_id(4), identity::Role::node, InfoHash{}}};
  TransferView view;
  static constexpr ByteCount MB = 1000 * 1000;
};

}  // namespace

TEST_CASE("nothing is said of rates before a second has passed") {
  Fetch fetch;
  fetch.pass(0ms, 0, 0, 0);
  const auto facts = fetch.pass(500ms, Fetch::MB, 0, 0);
  CHECK(facts.rate == 0);
  CHECK_FALSE(facts.left);
  CHECK_FALSE(facts.slowest);
}

TEST_CASE("a steady fetch runs at the ideal rate, and one that slows down falls below it") {
  Fetch fetch;
  fetch.pass(0ms, 0, 0, 0);
  TransferFacts facts;
  for (int i = 0; i < 10; ++i) facts = fetch.pass(500ms, Fetch::MB / 2, Fetch::MB / 2, Fetch::MB);
  CHECK(facts.rate == 4 * Fetch::MB);
  CHECK(facts.ideal_rate == 4 * Fetch::MB);
  CHECK(facts.percent_of_ideal == 100);
  CHECK(facts.left == std::chrono::seconds(20));
  for (int i = 0; i < 10; ++i) facts = fetch.pass(500ms, 0, 0, 0);
  CHECK(facts.ideal_rate == 4 * Fetch::MB);
  CHECK(facts.percent_of_ideal == 50);
  CHECK_FALSE(facts.left);
}

TEST_CASE("the slowest link is the one that brings least, of those that bring content") {
  Fetch fetch;
  fetch.pass(0ms, 0, 0, 0);
  TransferFacts facts;
  for (int i = 0; i < 4; ++i) facts = fetch.pass(500ms, 400'000, 100'000, 200'000);
  REQUIRE(facts.slowest);
  CHECK(facts.slowest->peer == node_id(2));
  CHECK(facts.slowest->rate == 200'000);
  CHECK_FALSE(facts.slowest->source);
}

TEST_CASE("a single link is not called the slowest") {
  Fetch fetch;
  fetch.pass(0ms, 0, 0, 0);
  CHECK_FALSE(fetch.pass(2s, Fetch::MB, 0, 0).slowest);
}

TEST_CASE("a link's round trip is known where the mesh measured one") {
  Fetch fetch;
  fetch.links[1].round_trip = 300us;
  fetch.pass(0ms, 0, 0, 0);
  const auto links = fetch.pass(2s, 2 * Fetch::MB, Fetch::MB, 0).links;
  REQUIRE(links.size() == 2);
  CHECK_FALSE(links[0].round_trip);
  CHECK(links[1].round_trip == 300us);
}

TEST_CASE("counts that begin anew do no harm") {
  Fetch fetch;
  fetch.pass(0ms, 0, 0, 0);
  fetch.pass(2s, Fetch::MB, 0, 0);
  fetch.progress.from_source = fetch.progress.from_peers = 0;
  CHECK(fetch.pass(1s, 0, 0, 0).rate == 0);
  CHECK(fetch.pass(1s, Fetch::MB, 0, 0).rate == Fetch::MB);
}

TEST_CASE("words and JSON say the same") {
  TransferFacts facts;
  facts.ideal_rate = 4 * Fetch::MB;
  facts.percent_of_ideal = 92;
  facts.left = 12s;
  facts.slowest = node::ActiveLink{node_id(2), false, 1'100'000};
  swarm::Progress progress;
  progress.from_source = 12 * Fetch::MB;
  const std::string text = node::transfer_text(facts, progress);
  CHECK(text.find("92% of the ideal rate") != std::string::npos);
  CHECK(text.find("slowest link") != std::string::npos);
  const Json json = node::transfer_json(facts);
  CHECK(json["percent_of_ideal"] == 92);
  CHECK(json["seconds_left"] == 12);
  CHECK(json["slowest_link"]["peer"] == node_id(2).str());
  CHECK(node::transfer_json({})["slowest_link"].is_null());
}
