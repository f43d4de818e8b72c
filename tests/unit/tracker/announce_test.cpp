#include "tracker/announce.hpp"

#include <algorithm>

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"
#include "tracker/announce_reply.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;
using shoal::test::node_id;

namespace {

const InfoHash known = must(InfoHash::from_raw(std::string(20, 'k')));
const InfoHash unknown = must(InfoHash::from_raw(std::string(20, 'u')));

struct Bench {
  ManualClock clock{WallTime(std::chrono::seconds(1'000'000))};
  PeerStore peers;
  Announcer announcer{
      peers, clock, {std::chrono::seconds(30), [](const InfoHash& hash) { return hash == known; }, [](std::uint64_t) { return 0; }}};

  AnnounceAnswer announce(unsigned machine, std::uint64_t left, Event event = Event::none, std::size_t numwant = 50,
                          std::uint16_t port = 0) {
    AnnounceQuery query;
    query.info_hash = known;
    query.peer_id = peer_id_of(node_id(machine));
    query.port = port != 0 ? port : static_cast<std::uint16_t>(7000 + machine);
    query.left = left;
    query.event = event;
    query.numwant = numwant;
    return must(announcer.announce(query, caller(machine)));
  }
  static Caller caller(unsigned machine) { return {node_id(machine), false, "", "10.0.0." + std::to_string(machine)}; }
};

std::vector<std::string> addresses(const AnnounceAnswer& answer) {
  std::vector<std::string> result;
  for (const AnnouncePeer& peer : answer.peers) result.push_back(peer.endpoint.ip_text() + ":" + std::to_string(peer.endpoint.port));
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

TEST_CASE("machines that announce the same torrent hear of each other") {
  Bench bench;
  CHECK(bench.announce(1, 5, Event::started).peers.empty());
  auto second = bench.announce(2, 5, Event::started);
  CHECK(addresses(second) == std::vector<std::string>{"10.0.0.1:7001"});
  CHECK(second.peers[0].peer_id == peer_id_of(node_id(1)));
  CHECK(second.counts == SwarmCounts{0, 2, 2, 0});
  CHECK(addresses(bench.announce(1, 5)) == std::vector<std::string>{"10.0.0.2:7002"});
}

TEST_CASE("a machine with a certificate may name the address at which others reach it, a stranger may not") {
  Bench bench;
  AnnounceQuery query;
  query.info_hash = known;
  query.peer_id = peer_id_of(node_id(1));
  query.port = 7100;
  query.address = "fd00::5";
  must(bench.announcer.announce(query, Bench::caller(1)));
  CHECK(addresses(bench.announce(2, 5)) == std::vector<std::string>{"fd00::5:7100"});
  query.address = "not an address";
  CHECK_FALSE(bench.announcer.announce(query, Bench::caller(1)).ok());
  query.address = "10.0.0.66";
  query.peer_id = std::string(20, 'p');
  must(bench.announcer.announce(query, {NodeId(), false, "", "10.0.0.9"}));
  CHECK(addresses(bench.announce(2, 5)) == std::vector<std::string>{"10.0.0.9:7100", "fd00::5:7100"});
}

TEST_CASE("a torrent that nobody registered is refused and leaves no swarm") {
  Bench bench;
  AnnounceQuery query;
  query.info_hash = unknown;
  query.peer_id = std::string(20, 'p');
  auto answer = bench.announcer.announce(query, Bench::caller(1));
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().message.starts_with("unregistered torrent"));
  CHECK(bench.announcer.scrape({unknown, known}).size() == 1);
}

TEST_CASE("a peer id of the fleet's form must name the machine of the certificate") {
  Bench bench;
  AnnounceQuery query;
  query.info_hash = known;
  query.port = 7000;
  query.left = 1;
  SUBCASE("another machine's") {
    query.peer_id = peer_id_of(node_id(2));
    auto answer = bench.announcer.announce(query, Bench::caller(1));
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().message.find(node_id(2).str()) != std::string::npos);
  }
  SUBCASE("any machine's, from a caller without a certificate") {
    query.peer_id = peer_id_of(node_id(1));
    CHECK_FALSE(bench.announcer.announce(query, {NodeId(), false, "", "127.0.0.1"}).ok());
  }
  SUBCASE("a stock client's is taken") {
    query.peer_id = "-qB4500-abcdefghijkl";
    CHECK(bench.announcer.announce(query, Bench::caller(1)).ok());
  }
}

TEST_CASE("stopped removes the peer and is answered without peers") {
  Bench bench;
  bench.announce(1, 5);
  bench.announce(2, 5);
  auto stopped = bench.announce(2, 5, Event::stopped);
  CHECK(stopped.peers.empty());
  CHECK(stopped.counts.incomplete == 1);
  CHECK(bench.announce(1, 5).peers.empty());
  CHECK(bench.announce(3, 5, Event::stopped).counts.incomplete == 1);
}

TEST_CASE("completed is counted once, and not for one who started complete") {
  Bench bench;
  bench.announce(1, 0, Event::started);
  bench.announce(1, 0, Event::completed);
  CHECK(bench.announce(1, 0).counts.downloaded == 0);
  bench.announce(2, 5, Event::started);
  bench.announce(2, 0, Event::completed);
  auto again = bench.announce(2, 0, Event::completed);
  CHECK(again.counts.downloaded == 1);
  CHECK(again.counts.complete == 2);
}

TEST_CASE("an unknown left counts as a leecher") {
  Bench bench;
  AnnounceQuery query;
  query.info_hash = known;
  query.peer_id = std::string(20, 'p');
  query.port = 7000;
  CHECK(must(bench.announcer.announce(query, Bench::caller(1))).counts == SwarmCounts{0, 1, 1, 0});
}

TEST_CASE("a paused peer is a partial seed while it says so") {
  Bench bench;
  bench.announce(1, 0);
  auto paused = bench.announce(2, 5, Event::paused);
  CHECK(paused.counts == SwarmCounts{1, 1, 0, 0});
  CHECK(paused.peers.empty());  // it wants no data, and the other has none to want
  CHECK(bench.announce(2, 5).counts == SwarmCounts{1, 1, 1, 0});
}

TEST_CASE("peers with port 0 or 1 are counted and never handed out") {
  Bench bench;
  AnnounceQuery query;
  query.info_hash = known;
  query.left = 5;
  for (const auto port : {std::uint16_t{0}, std::uint16_t{1}}) {
    query.port = port;
    query.peer_id = std::string(20, static_cast<char>('a' + port));
    must(bench.announcer.announce(query, Bench::caller(port + 10U)));
  }
  auto answer = bench.announce(1, 5);
  CHECK(answer.peers.empty());
  CHECK(answer.counts.incomplete == 3);
}

TEST_CASE("numwant bounds the answer") {
  Bench bench;
  for (unsigned i = 1; i <= 20; ++i) bench.announce(i, 5);
  CHECK(bench.announce(30, 5, Event::none, 0).peers.empty());
  CHECK(bench.announce(30, 5, Event::none, 7).peers.size() == 7);
  CHECK(bench.announce(30, 5, Event::none, 200).peers.size() == 20);
}

TEST_CASE("seeds hear of leechers and not of seeds") {
  Bench bench;
  bench.announce(1, 0);
  bench.announce(2, 5);
  CHECK(addresses(bench.announce(3, 0)) == std::vector<std::string>{"10.0.0.2:7002"});
  CHECK(addresses(bench.announce(2, 5)) == std::vector<std::string>{"10.0.0.1:7001", "10.0.0.3:7003"});
}

TEST_CASE("a machine that moved is handed out at its new address only") {
  Bench bench;
  bench.announce(1, 5);
  bench.announce(1, 5, Event::none, 50, 9999);
  CHECK(addresses(bench.announce(2, 5)) == std::vector<std::string>{"10.0.0.1:9999"});
}

TEST_CASE("a peer is forgotten after it missed two announces") {
  Bench bench;
  bench.announce(1, 5);
  bench.clock.advance(std::chrono::seconds(66));
  CHECK(bench.announce(2, 5).peers.size() == 1);
  bench.clock.advance(std::chrono::seconds(30));
  CHECK(bench.announce(2, 5).peers.empty());
  bench.clock.advance(std::chrono::seconds(300));
  bench.announcer.sweep();
  CHECK(bench.peers.with_swarm(known, [](Swarm& swarm) { return swarm.peers().size(); }) == 0);
}

TEST_CASE("the interval is moved by at most a tenth") {
  Bench bench;
  CHECK(bench.announce(1, 5).interval == std::chrono::seconds(27));  // the lowest draw
  Announcer highest(bench.peers, bench.clock,
                    {std::chrono::seconds(30), [](const InfoHash&) { return true; }, [](std::uint64_t bound) { return bound - 1; }});
  AnnounceQuery query;
  query.info_hash = known;
  query.peer_id = std::string(20, 'p');
  CHECK(must(highest.announce(query, Bench::caller(9))).interval == std::chrono::seconds(33));
}

TEST_CASE("answers are bencoded with sorted keys, compact unless asked otherwise") {
  AnnounceAnswer answer{std::chrono::seconds(30), std::chrono::seconds(15), {1, 2, 2, 3}, {}, std::string("\x0a\0\0\x02", 4), ""};
  answer.peers = {{std::string(20, 'p'), must(parse_endpoint("10.0.0.1", 7001))}};
  AnnounceQuery query;
  std::string head =
      "d8:completei1e10:downloadedi3e11:external ip4:" + answer.external_ip + "10:incompletei2e8:intervali30e12:min intervali15e5:peers";
  SUBCASE("compact") { CHECK(encode_announce(answer, query) == head + "6:" + answer.peers[0].endpoint.compact() + "e"); }
  SUBCASE("no peers") {
    answer.peers.clear();
    CHECK(encode_announce(answer, query) == head + "0:e");
  }
  SUBCASE("dictionaries") {
    query.compact = false;
    CHECK(encode_announce(answer, query) == head + "ld2:ip8:10.0.0.17:peer id20:pppppppppppppppppppp4:porti7001eeee");
    query.no_peer_id = true;
    CHECK(encode_announce(answer, query) == head + "ld2:ip8:10.0.0.14:porti7001eeee");
  }
  SUBCASE("IPv6 peers have a list of their own in the compact form") {
    answer.peers.push_back({std::string(20, 'q'), must(parse_endpoint("2001:db8::1", 7002))});
    CHECK(encode_announce(answer, query) ==
          head + "6:" + answer.peers[0].endpoint.compact() + "6:peers618:" + answer.peers[1].endpoint.compact() + "e");
    query.compact = false;
    CHECK(encode_announce(answer, query).find("2:ip11:2001:db8::1") != std::string::npos);
  }
  SUBCASE("the tracker id comes back") {
    answer.tracker_id = "t1";
    CHECK(encode_announce(answer, query).ends_with("10:tracker id2:t1e"));
  }
}

TEST_CASE("scrapes are sorted by hash and failures carry their reason") {
  ScrapeAnswer answer{{must(InfoHash::from_raw(std::string(20, 'b'))), {1, 2, 1, 4}}, {must(InfoHash::from_raw(std::string(20, 'a'))), {}}};
  CHECK(encode_scrape(answer) ==
        "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei0e10:downloadedi0e11:downloadersi0e10:incompletei0ee"
        "20:bbbbbbbbbbbbbbbbbbbbd8:completei1e10:downloadedi4e11:downloadersi1e10:incompletei2eeee");
  CHECK(encode_scrape({}) == "d5:filesdee");
  CHECK(encode_failure(fail("no")) == "d14:failure reason2:noe");
}
