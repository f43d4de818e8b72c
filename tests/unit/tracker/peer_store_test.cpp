#include "tracker/peer_store.hpp"

#include <thread>

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;
using shoal::test::node_id;

namespace {

Peer peer(unsigned machine, char id, std::uint16_t port = 7000, bool complete = false) {
  Peer made;
  made.machine = node_id(machine);
  made.peer_id = std::string(20, id);
  made.endpoint = must(parse_endpoint("10.0." + std::to_string(machine / 250) + "." + std::to_string(machine % 250), port));
  made.complete = complete;
  return made;
}
SteadyTime at(int seconds) { return SteadyTime(std::chrono::seconds(seconds)); }

}  // namespace

TEST_CASE("a peer that comes again is the same peer") {
  Swarm swarm;
  swarm.apply(peer(1, 'a'), false);
  SUBCASE("with the same peer id from another address") {
    Peer moved = peer(1, 'a', 9000);
    moved.endpoint = must(parse_endpoint("192.168.7.7", 9000));
    swarm.apply(moved, false);
    REQUIRE(swarm.peers().size() == 1);
    CHECK(swarm.peers()[0].endpoint == moved.endpoint);
  }
  SUBCASE("with a new peer id at the same address and port") {
    swarm.apply(peer(1, 'b'), false);
    REQUIRE(swarm.peers().size() == 1);
    CHECK(swarm.peers()[0].peer_id == std::string(20, 'b'));
  }
  SUBCASE("with a new peer id and address, but the same key") {
    Peer keyed = peer(1, 'b', 7001), again = peer(1, 'c', 7002);
    keyed.key = again.key = "k";
    swarm.apply(keyed, false);
    swarm.apply(again, false);
    REQUIRE(swarm.peers().size() == 2);  // the first of this test, and the one with the key
    CHECK(swarm.peers()[1].peer_id == again.peer_id);
  }
}

TEST_CASE("the same peer id under another certificate is another peer") {
  Swarm swarm;
  swarm.apply(peer(1, 'a'), false);
  swarm.apply(peer(2, 'a'), false);
  CHECK(swarm.peers().size() == 2);
  swarm.remove(peer(2, 'a'));
  REQUIRE(swarm.peers().size() == 1);
  CHECK(swarm.peers()[0].machine == node_id(1));
}

TEST_CASE("peers behind one address that accept no connections stay apart") {
  Swarm swarm;
  Peer first = peer(0, 'a', 0), second = peer(0, 'b', 0);
  first.machine = second.machine = NodeId();
  swarm.apply(first, false);
  swarm.apply(second, false);
  CHECK(swarm.peers().size() == 2);
}

TEST_CASE("a certificate holds four endpoints of a swarm; with a fifth, the one silent longest goes") {
  Swarm swarm;
  for (int i = 0; i < 5; ++i) {
    Peer made = peer(1, static_cast<char>('a' + i), static_cast<std::uint16_t>(7000 + i));
    made.seen = at(i == 0 ? 100 : i);  // the second is the oldest
    swarm.apply(made, false);
  }
  REQUIRE(swarm.peers().size() == 4);
  for (const Peer& known : swarm.peers()) CHECK(known.peer_id != std::string(20, 'b'));
}

TEST_CASE("counts tell seeds, leechers and partial seeds apart") {
  Swarm swarm;
  swarm.apply(peer(1, 'a', 7000, true), false);
  swarm.apply(peer(2, 'b'), false);
  Peer partial = peer(3, 'c');
  partial.partial_seed = true;
  swarm.apply(partial, false);
  CHECK(swarm.counts() == SwarmCounts{1, 2, 1, 0});
}

TEST_CASE("completed counts once for a peer, and only if it was seen incomplete") {
  Swarm swarm;
  Peer leecher = peer(1, 'a'), seed = peer(1, 'a', 7000, true);
  SUBCASE("never for a peer that arrives complete") {
    swarm.apply(seed, true);
    CHECK(swarm.counts().downloaded == 0);
  }
  SUBCASE("once, however often it is said") {
    swarm.apply(leecher, false);
    swarm.apply(seed, true);
    swarm.apply(seed, true);
    swarm.apply(leecher, false);
    swarm.apply(seed, true);
    CHECK(swarm.counts().downloaded == 1);
  }
  SUBCASE("not while something is left") {
    swarm.apply(leecher, false);
    swarm.apply(leecher, true);
    CHECK(swarm.counts().downloaded == 0);
  }
}

TEST_CASE("silent peers are forgotten, in every swarm") {
  PeerStore store;
  auto hash = [](char c) { return must(InfoHash::from_raw(std::string(20, c))); };
  for (char c = 'a'; c < 'z'; ++c) {
    store.with_swarm(hash(c), [&](Swarm& swarm) {
      Peer old = peer(1, 'a'), fresh = peer(2, 'b');
      old.seen = at(10);
      fresh.seen = at(20);
      swarm.apply(old, false);
      swarm.apply(fresh, false);
    });
  }
  store.expire(at(10));
  for (char c = 'a'; c < 'z'; ++c) {
    auto machines = store.with_swarm(hash(c), [](Swarm& swarm) { return swarm.peers(); });
    REQUIRE(machines.size() == 1);
    CHECK(machines[0].machine == node_id(2));
  }
}

TEST_CASE("many threads announce into few swarms without losing a peer") {
  PeerStore store;
  InfoHash hash = must(InfoHash::from_raw(std::string(20, 'h')));
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 100; ++i) store.with_swarm(hash, [&](Swarm& swarm) { swarm.apply(peer(t * 100 + i, 'a'), false); });
    });
  threads.clear();
  CHECK(store.with_swarm(hash, [](Swarm& swarm) { return swarm.peers().size(); }) == 400);
}

TEST_CASE("addresses are kept as network bytes, IPv4-mapped ones as IPv4") {
  CHECK(must(parse_endpoint("10.1.2.3", 258)).compact() == std::string("\x0a\x01\x02\x03\x01\x02", 6));
  CHECK(must(parse_endpoint("::ffff:10.1.2.3", 258)) == must(parse_endpoint("10.1.2.3", 258)));
  Endpoint v6 = must(parse_endpoint("fe80::1%eth0", 80));
  CHECK(v6.compact().size() == 18);
  CHECK(v6.ip_text() == "fe80::1");
  CHECK(must(parse_endpoint("10.1.2.3", 1)).ip_text() == "10.1.2.3");
  CHECK_FALSE(parse_endpoint("tracker.example", 80).ok());
}
