#include "tracker/handout.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;
using shoal::test::node_id;

namespace {

Peer peer(unsigned machine, const std::string& site = "", bool complete = false, bool source = false) {
  Peer made;
  made.machine = node_id(machine);
  made.peer_id = peer_id_of(made.machine);
  made.endpoint = must(parse_endpoint("10.0.0.1", static_cast<std::uint16_t>(1000 + machine)));
  made.site = site;
  made.complete = complete;
  made.source = source;
  return made;
}

/// The same draws in every run.
Random repeatable(std::uint64_t seed = 1) {
  return [state = seed](std::uint64_t bound) mutable {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % bound;
  };
}

std::vector<Peer> chosen(const std::vector<Peer>& peers, const Peer& requester, std::size_t want, std::uint64_t seed = 1) {
  std::vector<Peer> result;
  for (std::size_t i : choose_peers(peers, requester, want, repeatable(seed))) result.push_back(peers.at(i));
  return result;
}

std::size_t count_site(const std::vector<Peer>& peers, const std::string& site) {
  return static_cast<std::size_t>(std::count_if(peers.begin(), peers.end(), [&](const Peer& p) { return p.site == site; }));
}

}  // namespace

TEST_CASE("a random swarm is answered by the rules, whatever is asked") {
  Random random = repeatable(42);
  for (int round = 0; round < 500; ++round) {
    std::vector<Peer> peers;
    auto size = random(40);
    for (unsigned i = 0; i < size; ++i) {
      bool complete = random(3) == 0;
      Peer made = peer(i, random(2) == 0 ? "east" : "west", complete, complete && random(3) == 0);
      if (random(8) == 0) made.endpoint.port = static_cast<std::uint16_t>(random(2));
      made.partial_seed = !complete && random(8) == 0;
      peers.push_back(made);
    }
    Peer requester = size > 0 && random(2) == 0 ? peers[random(size)] : peer(100, "east", random(2) == 0);
    std::size_t want = random(50);
    auto answer = chosen(peers, requester, want, static_cast<std::uint64_t>(round));
    CHECK(answer.size() <= want);
    std::set<NodeId> machines;
    std::size_t eligible = 0;
    for (const Peer& p : answer) {
      machines.insert(p.machine);
      CHECK(p.machine != requester.machine);
      CHECK(p.endpoint.port > 1);
      if (!requester.wants_data()) CHECK(p.wants_data());
    }
    for (const Peer& p : peers)
      eligible += p.machine != requester.machine && p.endpoint.port > 1 && (requester.wants_data() || p.wants_data());
    CHECK(machines.size() == answer.size());
    std::size_t far = 0;
    for (const Peer& p : peers)
      far += p.machine != requester.machine && p.endpoint.port > 1 && (requester.wants_data() || p.wants_data()) &&
             p.site != requester.site && !p.source;
    // Everybody but those of other sites, of whom there are few.
    CHECK(answer.size() <= std::min(want, eligible));
    CHECK(answer.size() >= std::min(want, eligible - far));
  }
}

TEST_CASE("the sources are in every answer to one who needs them") {
  std::vector<Peer> peers;
  for (unsigned i = 0; i < 100; ++i) peers.push_back(peer(i, "east"));
  peers.push_back(peer(200, "west", true, true));
  peers.push_back(peer(201, "", true, true));
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto answer = chosen(peers, peer(300, "east"), 5, seed);
    CHECK(std::count_if(answer.begin(), answer.end(), [](const Peer& p) { return p.source; }) == 2);
  }
  CHECK(chosen(peers, peer(300, "east"), 1).front().source);
}

TEST_CASE("a seeder that is itself incomplete is no source yet") {
  std::vector<Peer> peers{peer(1, "", false, true)};
  for (unsigned i = 2; i < 100; ++i) peers.push_back(peer(i));
  int met = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (const Peer& p : chosen(peers, peer(300), 3, seed)) met += p.source;
  CHECK(met < 25);
}

TEST_CASE("peers of the same site come first, but two places are for others") {
  std::vector<Peer> peers;
  for (unsigned i = 0; i < 50; ++i) peers.push_back(peer(i, "east"));
  for (unsigned i = 50; i < 100; ++i) peers.push_back(peer(i, "west"));
  auto answer = chosen(peers, peer(300, "east"), 20);
  CHECK(count_site(answer, "east") == 18);
  CHECK(count_site(answer, "west") == 2);
  SUBCASE("nobody far: all places are for the site") {
    peers.resize(50);
    CHECK(count_site(chosen(peers, peer(300, "east"), 20), "east") == 20);
  }
  SUBCASE("five near: two from far all the same") {
    peers.erase(peers.begin(), peers.begin() + 45);
    answer = chosen(peers, peer(300, "east"), 20);
    CHECK(count_site(answer, "east") == 5);
    CHECK(count_site(answer, "west") == 2);
  }
  SUBCASE("few places: at most half of them are for others") {
    answer = chosen(peers, peer(300, "east"), 3);
    CHECK(count_site(answer, "east") == 2);
    CHECK(count_site(answer, "west") == 1);
  }
  SUBCASE("nobody near: all come from far") {
    peers.erase(peers.begin(), peers.begin() + 50);
    CHECK(count_site(chosen(peers, peer(300, "east"), 20), "west") == 20);
  }
  SUBCASE("those without a site fill what the site leaves") {
    peers.erase(peers.begin(), peers.begin() + 45);
    for (unsigned i = 100; i < 150; ++i) peers.push_back(peer(i));
    answer = chosen(peers, peer(300, "east"), 20);
    CHECK(count_site(answer, "east") == 5);
    CHECK(count_site(answer, "west") == 2);
    CHECK(count_site(answer, "") == 13);
  }
  SUBCASE("a machine without a site prefers none") {
    for (Peer& p : peers) p.site = p.site == "east" ? "" : "west";
    std::size_t nameless = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) nameless += count_site(chosen(peers, peer(300), 20, seed), "");
    CHECK(nameless > 350);
    CHECK(nameless < 650);
  }
}

TEST_CASE("every peer is drawn about as often as any other") {
  std::vector<Peer> peers;
  for (unsigned i = 0; i < 20; ++i) peers.push_back(peer(i));
  std::map<NodeId, int> drawn;
  for (std::uint64_t seed = 0; seed < 2000; ++seed)
    for (const Peer& p : chosen(peers, peer(300), 5, seed * 7919)) ++drawn[p.machine];
  for (const Peer& p : peers) {  // 500 expected
    CHECK(drawn[p.machine] > 380);
    CHECK(drawn[p.machine] < 620);
  }
}

TEST_CASE("seeds meet leechers only, and partial seeds count as seeds here") {
  Peer partial = peer(3);
  partial.partial_seed = true;
  std::vector<Peer> peers{peer(1, "", true), peer(2, "", true, true), partial, peer(4)};
  for (const Peer& requester : {peer(300, "", true), partial}) {
    auto answer = chosen(peers, requester, 50);
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].machine == node_id(4));
  }
}

TEST_CASE("without certificates, the requester is known by its peer id and endpoint") {
  Peer one = peer(1), two = peer(2);
  one.machine = two.machine = NodeId();
  auto answer = chosen({one, two}, one, 50);
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].peer_id == two.peer_id);
}

TEST_CASE("when a hundred join one after another, the first are not everybody's neighbours and the last nobody's") {
  std::vector<Peer> peers;
  std::map<NodeId, int> links;
  for (unsigned i = 0; i < 100; ++i) {
    const Peer joiner = peer(i);
    for (std::size_t chosen_one : choose_peers(peers, joiner, 10, repeatable(i + 1))) {
      ++peers[chosen_one].introduced;
      ++links[peers[chosen_one].machine];
      ++links[joiner.machine];
    }
    peers.push_back(joiner);
  }
  for (const Peer& p : peers) {
    CHECK(links[p.machine] >= 10);
    CHECK(links[p.machine] <= 40);  // drawn uniformly, the first have 50 and more
  }
}
