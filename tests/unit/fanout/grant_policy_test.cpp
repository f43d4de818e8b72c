// The grant policy without sockets: nobody starves, nothing is lost, and every piece goes out once before any goes out twice.
#include "fanout/grant_policy.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "doctest/doctest.h"

using namespace shoal;
using namespace std::chrono_literals;
using fanout::GrantPolicy;
using fanout::PeerKind;
using Peer = GrantPolicy::Peer;
using Piece = GrantPolicy::Piece;

namespace {

/// A source, and what it granted.
struct Source {
  static constexpr std::uint64_t order = 99;
  explicit Source(Piece count, std::uint64_t seed = 1) : pieces(count), policy(count, order, seed) {
    for (Piece i = 0; i < count; ++i) policy.set_held(i, true);
  }

  Peer join(PeerKind kind = PeerKind::node) { return policy.join(kind, now); }
  std::vector<GrantPolicy::Grant> next() {
    auto grants = policy.next(now);
    for (const auto& grant : grants) {
      under_way[grant.peer].push_back(grant.piece);
      ++times[grant.piece];
    }
    return grants;
  }
  /// The peer finishes its oldest grant. False: it has none.
  bool finish_one(Peer peer) {
    auto& mine = under_way[peer];
    if (mine.empty()) return false;
    const Piece piece = mine.front();
    mine.erase(mine.begin());
    policy.note_has(peer, piece, now);
    return true;
  }
  int most_times() const {
    int most = 0;
    for (const auto& [piece, count] : times) most = std::max(most, count);
    return most;
  }

  Piece pieces;
  GrantPolicy policy;
  SteadyTime now{};
  std::map<Peer, std::vector<Piece>> under_way;
  std::map<Piece, int> times;
};

}  // namespace

TEST_CASE("every piece is granted once before any is granted twice, and all peers get about as many") {
  Source source(120);
  std::vector<Peer> peers;
  for (int i = 0; i < 6; ++i) peers.push_back(source.join());
  std::map<Peer, int> got;
  while (source.policy.fresh() > 0) {
    for (const auto& grant : source.next()) ++got[grant.peer];
    if (source.policy.fresh() > 0) CHECK(source.most_times() <= 1);
    source.now += 100ms;
    for (Peer peer : peers) source.finish_one(peer);
  }
  CHECK(source.times.size() == 120);
  for (Peer peer : peers) {
    CHECK(got[peer] >= 15);
    CHECK(got[peer] <= 25);
  }
}

TEST_CASE("the same seed and the same calls give the same grants; another seed gives others") {
  auto grants_of = [](std::uint64_t seed) {
    Source source(64, seed);
    std::vector<Peer> peers{source.join(), source.join(), source.join()};
    std::vector<std::pair<Peer, Piece>> all;
    for (int round = 0; round < 30; ++round) {
      for (const auto& grant : source.next()) all.emplace_back(grant.peer, grant.piece);
      source.now += 50ms;
      for (Peer peer : peers) source.finish_one(peer);
    }
    return all;
  };
  CHECK(grants_of(7) == grants_of(7));
  CHECK(grants_of(7) != grants_of(8));
}

TEST_CASE("no more is under way than the source can hold in memory, however fast it is") {
  Source source(2000);
  source.policy = GrantPolicy(2000, Source::order, 1, 10);
  for (Piece i = 0; i < 2000; ++i) source.policy.set_held(i, true);
  std::vector<Peer> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(source.join());
  for (int tick = 0; tick < 200; ++tick) {
    source.next();
    CHECK(source.policy.outstanding() <= 10);
    source.now += 5ms;
    for (Peer peer : peers)
      while (source.finish_one(peer)) {}
  }
  CHECK(source.times.size() > 1500);
}

TEST_CASE("a single peer that finishes fast gets more at a time, and everything in the end") {
  Source source(2000);
  const Peer peer = source.join();
  std::size_t most = 0;
  int rounds = 0;
  for (; source.finish_one(peer) || !source.next().empty(); ++rounds) {
    source.now += 1ms;
    while (source.finish_one(peer)) {}
    source.next();
    most = std::max(most, source.policy.outstanding(peer));
  }
  CHECK(source.times.size() == 2000);
  CHECK(source.most_times() == 1);
  CHECK(most >= 256);
  CHECK(rounds < 30);
}

TEST_CASE("a peer that is slow has little under way, so that what it holds back is little") {
  Source source(1000);
  const Peer slow = source.join(), fast = source.join();
  std::size_t most_slow = 0, most_fast = 0;
  for (int tick = 0; tick < 300; ++tick) {
    source.next();
    most_slow = std::max(most_slow, source.policy.outstanding(slow));
    most_fast = std::max(most_fast, source.policy.outstanding(fast));
    source.now += 20ms;
    while (source.finish_one(fast)) {}
    if (tick % 50 == 49) source.finish_one(slow);
  }
  CHECK(most_slow <= 4);
  CHECK(most_fast > 50);
}

TEST_CASE("peers that get nothing from each other all get everything from the source, always with a grant under way") {
  Source source(60);
  std::vector<Peer> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(source.join());
  std::map<Peer, std::size_t> had;
  for (int tick = 0; tick < 600; ++tick) {
    source.next();
    source.now += 100ms;
    for (Peer peer : peers) {
      // The very first pieces go to a few, so that they are there soon.
      if (tick > 0 && had[peer] < 60) CHECK(source.policy.outstanding(peer) > 0);
      had[peer] += source.finish_one(peer);
    }
  }
  for (Peer peer : peers) CHECK(had[peer] == 60);
}

TEST_CASE("a peer that leaves gives its unfinished grants back, and others get them") {
  Source source(40);
  const Peer stays = source.join(), leaves = source.join();
  source.next();
  const std::vector<Piece> unfinished = source.under_way[leaves];
  REQUIRE_FALSE(unfinished.empty());
  source.policy.leave(leaves, source.now);
  source.under_way.erase(leaves);
  for (int tick = 0; tick < 200; ++tick) {
    source.next();
    source.now += 50ms;
    while (source.finish_one(stays)) {}
  }
  CHECK(source.times.size() == 40);
  for (Piece piece : unfinished) CHECK(source.times[piece] == 2);
  source.policy.leave(leaves, source.now);  // a second time does nothing
}

TEST_CASE("when the only peer with a piece leaves, the piece goes out anew before any second copy") {
  Source source(10);
  const Peer stays = source.join(), leaves = source.join();
  for (Piece piece = 1; piece < 10; ++piece) source.policy.note_has(leaves, piece, source.now);
  source.policy.note_has(stays, 0, source.now);
  CHECK(source.policy.fresh() == 0);
  for (Piece piece = 0; piece < 9; ++piece) source.policy.note_has(stays, piece, source.now);
  source.policy.leave(leaves, source.now);
  REQUIRE(source.policy.fresh() == 1);
  auto grants = source.next();
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].piece == 9);
}

TEST_CASE("pieces that another source brought in are not granted while there are others") {
  Source source(100);
  const Peer first = source.join(), second = source.join();
  for (Piece piece = 0; piece < 50; ++piece) source.policy.note_has(piece % 2 == 0 ? first : second, piece, source.now);
  while (source.policy.fresh() > 0) {
    for (const auto& grant : source.next()) CHECK(grant.piece >= 50);
    source.now += 50ms;
    source.finish_one(first);
    source.finish_one(second);
  }
}

TEST_CASE("a new piece goes to the peer that has the least left to pass on") {
  Source source(400);
  std::vector<Peer> peers;
  for (int i = 0; i < 4; ++i) peers.push_back(source.join());
  const Peer stuck = peers[0];  // what is granted to it never reaches the others
  std::map<Peer, int> got;
  for (int tick = 0; tick < 60; ++tick) {
    for (const auto& grant : source.next()) ++got[grant.peer];
    source.now += 100ms;
    for (Peer peer : peers) {
      if (source.under_way[peer].empty()) continue;
      const Piece piece = source.under_way[peer].front();
      source.finish_one(peer);
      if (peer == stuck) continue;
      for (Peer other : peers) source.policy.note_has(other, piece, source.now);
    }
  }
  CHECK(source.policy.debt(stuck) > source.policy.debt(peers[1]));
  for (std::size_t i = 1; i < peers.size(); ++i) CHECK(got[stuck] * 2 < got[peers[i]]);
}

TEST_CASE("while nobody has anything, few pieces share the way, so that the first can be passed on soon") {
  Source source(1000);
  std::vector<Peer> peers;
  for (int i = 0; i < 12; ++i) peers.push_back(source.join());
  CHECK(source.next().size() == 4);
  source.now += 50ms;
  for (Peer peer : peers) source.finish_one(peer);
  CHECK(source.next().size() == 8);
}

TEST_CASE("with very many peers only as much is under way as the source can send in a while") {
  Source source(5000);
  std::vector<Peer> peers;
  for (int i = 0; i < 1000; ++i) peers.push_back(source.join());
  std::size_t most = 0;
  for (int tick = 0; tick < 100; ++tick) {
    source.next();
    most = std::max(most, source.policy.outstanding());
    source.now += 100ms;
    int sent = 0;  // a source that sends four pieces a tick
    for (Peer peer : peers)
      if (sent < 4) sent += source.finish_one(peer);
  }
  CHECK(most <= 100);
}

TEST_CASE("when all is out, a peer that others feed is left to them, and one that nobody feeds is helped") {
  Source source(64);
  std::vector<Peer> peers;
  for (int i = 0; i < 8; ++i) peers.push_back(source.join());
  for (std::size_t i = 0; i < 6; ++i)
    for (Piece piece = 0; piece < 64; ++piece) source.policy.note_has(peers[i], piece, source.now);
  const Peer fed = peers[6], alone = peers[7];
  for (Piece piece = 0; piece < 20; ++piece) {
    source.now += 100ms;
    source.policy.note_has(fed, piece, source.now);
    source.next();
    source.finish_one(alone);
  }
  CHECK(source.under_way[fed].empty());
  CHECK_FALSE(source.under_way[alone].empty());
  source.now += 2s;  // nobody feeds the other any more
  source.next();
  CHECK_FALSE(source.under_way[fed].empty());
}

namespace {

/// Grants go out and are finished at once until every piece was out; what others pass on reaches nobody meanwhile.
void send_each_piece_once(Source& source, const std::vector<Peer>& peers) {
  while (source.policy.fresh() > 0) {
    source.next();
    source.now += 20ms;
    for (Peer peer : peers) source.finish_one(peer);
  }
}

}  // namespace

TEST_CASE("a source that is far ahead of its peers when all is out gives each no more than one piece at a time that comes to nobody") {
  Source source(400);
  std::vector<Peer> peers;
  for (int i = 0; i < 8; ++i) peers.push_back(source.join());
  send_each_piece_once(source, peers);
  for (Peer peer : peers)
    while (source.finish_one(peer)) {}
  for (int tick = 0; tick < 20; ++tick) {
    source.now += 50ms;
    for (Peer peer : peers) source.policy.note_has(peer, static_cast<Piece>(tick), source.now);  // from each other
    source.next();
    CHECK(source.policy.outstanding() > 0);
    for (Peer peer : peers) CHECK(source.policy.outstanding(peer) <= 1);
    for (Peer peer : peers) source.finish_one(peer);
  }
}

TEST_CASE("a source whose peers keep up with it leaves the rest to them") {
  Source source(400);
  std::vector<Peer> peers;
  for (int i = 0; i < 8; ++i) peers.push_back(source.join());
  for (Piece piece = 0; piece < 400; ++piece)
    for (Peer peer : peers)
      if (piece < 360) source.policy.note_has(peer, piece, source.now);
  send_each_piece_once(source, peers);
  for (Peer peer : peers)
    while (source.finish_one(peer)) {}
  for (Piece piece = 360; piece < 390; ++piece) {
    source.now += 50ms;
    for (Peer peer : peers) source.policy.note_has(peer, piece, source.now);
  }
  source.next();
  for (Peer peer : peers) CHECK(source.policy.outstanding(peer) <= 1);
}

TEST_CASE("what few have goes out again to peers that others feed, but no more than a small share of the pieces") {
  Source source(512);
  std::vector<Peer> peers;
  for (int i = 0; i < 16; ++i) peers.push_back(source.join());
  for (Piece piece = 0; piece < 480; ++piece)
    for (Peer peer : peers) source.policy.note_has(peer, piece, source.now);
  send_each_piece_once(source, peers);
  for (Piece common = 480; common < 500; ++common) {
    for (Peer peer : peers)
      while (source.finish_one(peer)) {}
    source.now += 20ms;  // soon enough that those who have something rare may still be passing it on
    for (Peer peer : peers) source.policy.note_has(peer, common, source.now);
    source.next();
  }
  const auto again = source.policy.granted() - 32;
  CHECK(again > 0);
  CHECK(again <= 512 / 128);
}

TEST_CASE("a peer that takes no grants gets none, and what it has counts as out") {
  Source source(20);
  const Peer plain = source.join(PeerKind::plain), peer = source.join();
  for (Piece piece = 0; piece < 10; ++piece) source.policy.note_has(plain, piece, source.now);
  CHECK(source.policy.fresh() == 10);
  for (int tick = 0; tick < 100; ++tick) {
    for (const auto& grant : source.next()) CHECK(grant.peer == peer);
    source.now += 50ms;
    while (source.finish_one(peer)) {}
  }
  CHECK(source.times.size() == 20);
}

TEST_CASE("what the source does not hold is not granted, until it does") {
  GrantPolicy policy(4, 1, 1);
  policy.set_held(2, true);
  const Peer peer = policy.join(PeerKind::node, {});
  auto grants = policy.next({});
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].piece == 2);
  policy.note_has(peer, 2, {});
  CHECK(policy.next({}).empty());
  policy.set_held(3, true);
  CHECK(policy.next({}).size() == 1);
}

TEST_CASE("peers that come and go at random leave nothing behind") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20; ++round) {
    Source source(50, static_cast<std::uint64_t>(round));
    std::vector<Peer> present;
    for (int step = 0; step < 400; ++step) {
      source.now += 10ms;
      const auto what = random() % 8;
      if (what == 0 || present.empty()) present.push_back(source.join(static_cast<PeerKind>(random() % 3)));
      const std::size_t at = random() % present.size();
      if (what == 1) {
        source.policy.leave(present[at], source.now);
        source.under_way.erase(present[at]);
        present.erase(present.begin() + static_cast<std::ptrdiff_t>(at));
      } else if (what < 4) {
        source.policy.note_has(present[at], static_cast<Piece>(random() % 50), source.now);
      } else {
        source.finish_one(present[at]);
      }
      source.next();
    }
    for (Peer peer : present) source.policy.leave(peer, source.now);
    source.now += 1min;  // those that left with everything are forgotten
    source.next();
    CHECK(source.policy.outstanding() == 0);
    CHECK(source.policy.fresh() == 0);
    const Peer last = source.join();
    CHECK(source.policy.fresh() == 50);
    source.under_way.clear();
    source.next();
    CHECK(source.policy.debt(last) == static_cast<std::int64_t>(source.policy.outstanding()));
  }
}

TEST_CASE("what another source brought does not count as out: two sources do not wait for each other") {
  Source source(100);
  const Peer other = source.join(PeerKind::source), node = source.join();
  for (Piece piece = 0; piece < 100; ++piece) source.policy.note_brought(other, piece);
  CHECK(source.policy.fresh() == 100);
  std::set<Piece> got;
  for (int tick = 0; tick < 100 && source.policy.fresh() > 0; ++tick) {
    for (const auto& grant : source.next()) {
      CHECK(grant.peer == node);
      got.insert(grant.piece);
    }
    source.now += 50ms;
    while (source.finish_one(node)) {}
  }
  CHECK(got.size() == 100);
}

TEST_CASE("a source that lacks pieces is granted those, and no others") {
  Source source(100);
  const Peer partial = source.join(PeerKind::source);
  for (Piece piece = 0; piece < 60; ++piece) source.policy.note_brought(partial, piece);
  std::set<Piece> got;
  for (int tick = 0; tick < 300; ++tick) {
    for (const auto& grant : source.next()) got.insert(grant.piece);
    source.now += 50ms;
    while (source.finish_one(partial)) {}
  }
  CHECK(got.size() == 40);
  CHECK(*got.begin() == 60);
}

TEST_CASE("two sources that hear of each other's grants late seldom give out the same piece") {
  for (const std::uint64_t seed : {2U, 3U, 4U, 5U}) {
    Source one(1000, 1), other(1000, seed);
    for (int i = 0; i < 8; ++i) {
      (void)one.join();
      (void)other.join();
    }
    const auto there = [](Peer peer) { return 7 - peer; };  // each has its own numbers for the same peers
    const auto arrive = [&](Source& from, Source& to, Peer peer) {
      if (from.under_way[peer].empty()) return;
      const Piece piece = from.under_way[peer].front();
      from.finish_one(peer);
      to.policy.note_has(there(peer), piece, to.now);
    };
    std::map<Piece, int> times;
    for (Peer tick = 0; tick < 4000 && one.policy.fresh() + other.policy.fresh() > 0; ++tick) {
      for (Source* source : {&one, &other})
        for (const auto& grant : source->next()) ++times[grant.piece];
      one.now = other.now += 25ms;
      // A piece from each: half a second of what it sends is under way, a fiftieth of all.
      arrive(one, other, tick % 8);
      arrive(other, one, tick % 8);
    }
    CHECK(times.size() == 1000);
    const auto twice = std::count_if(times.begin(), times.end(), [](const auto& item) { return item.second > 1; });
    CHECK(twice <= 100);  // at random it would be twice as many
  }
}

TEST_CASE("slow peers and one that comes late do not keep new pieces from the others") {
  Source source(2000);
  std::vector<Peer> fast, slow;
  for (int i = 0; i < 9; ++i) fast.push_back(source.join());
  for (int i = 0; i < 3; ++i) slow.push_back(source.join());
  // The fast ones trade at once; the slow ones get a tenth.
  std::map<Peer, std::vector<Piece>> owed;
  int to_fast_late = 0, ticks_late = 0;
  for (int tick = 0; tick < 250; ++tick) {
    for (const auto& grant : source.next()) to_fast_late += tick >= 150 && grant.peer < 9 ? 1 : 0;
    ticks_late += tick >= 150 ? 1 : 0;
    source.now += 100ms;
    for (Peer peer : fast) {
      if (source.under_way[peer].empty()) continue;
      const Piece piece = source.under_way[peer].front();
      source.finish_one(peer);
      for (Peer other : fast) source.policy.note_has(other, piece, source.now);
      if (tick % 10 == 0)
        for (Peer other : slow) source.policy.note_has(other, piece, source.now);
    }
    if (tick % 10 == 0)
      for (Peer peer : slow) source.finish_one(peer);
    if (tick == 149) source.join();  // it stands still
  }
  CHECK(to_fast_late >= 4 * ticks_late);
}

TEST_CASE("peers that stand still hold up their own grants, not the others'") {
  Source source(3000);
  std::vector<Peer> dead, alive;
  for (int i = 0; i < 40; ++i) (i % 4 == 3 ? alive : dead).push_back(source.join());
  std::map<Peer, int> got;
  for (int tick = 0; tick < 200; ++tick) {
    source.next();
    source.now += 100ms;
    for (Peer peer : alive) got[peer] += source.finish_one(peer);
  }
  for (Peer peer : alive) CHECK(got[peer] >= 50);
}

TEST_CASE("a piece whose carrier passes nothing on is given to another after a moment, however many there are of them") {
  Source source(256);
  std::vector<Peer> peers;
  for (int i = 0; i < 11; ++i) peers.push_back(source.join());
  const Peer isolated = source.join();
  // It has a quarter of the pieces alone; the others lack those and a few more, which they get from each other.
  for (Piece piece = 0; piece < 64; ++piece) source.policy.note_has(isolated, piece, source.now);
  for (Piece piece = 64; piece < 216; ++piece)
    for (Peer peer : peers) source.policy.note_has(peer, piece, source.now);
  for (Piece piece = 216; piece < 256; ++piece) source.policy.note_has(peers[piece % 11], piece, source.now);
  REQUIRE(source.policy.fresh() == 0);
  std::set<Piece> out;
  for (Piece tick = 0; tick < 40; ++tick) {
    source.now += 100ms;
    for (Peer peer : peers) source.policy.note_has(peer, 216 + tick, source.now);
    for (const auto& grant : source.next())
      if (grant.piece < 64) out.insert(grant.piece);
    for (Peer peer : peers) source.finish_one(peer);
  }
  CHECK(out.size() == 64);
}

TEST_CASE("what peers have that are done and gone from here is not sent again at once, and is after a while") {
  Source source(200);
  std::vector<Peer> peers;
  for (int i = 0; i < 8; ++i) peers.push_back(source.join());
  source.now += 10s;
  for (Piece piece = 0; piece < 200; ++piece)
    for (Peer peer : peers)
      if (peer < 4 || piece < 150) source.policy.note_has(peer, piece, source.now);
  for (Peer peer : peers)
    if (peer < 4) source.policy.leave(peer, source.now);
  CHECK(source.policy.fresh() == 0);
  CHECK(source.next().size() <= 8);
  source.now += 6s;
  source.next();
  CHECK(source.policy.fresh() + source.policy.outstanding() == 50);
}

TEST_CASE("peers that come when the first are done are not taken for slow ones") {
  Source source(400);
  const Peer first = source.join();
  while (source.policy.fresh() > 0) {
    source.next();
    source.now += 5ms;
    while (source.finish_one(first)) {}
  }
  source.policy.leave(first, source.now);
  source.now += 1s;
  std::vector<Peer> late;
  for (int i = 0; i < 8; ++i) late.push_back(source.join());
  for (Piece piece = 0; piece < 400; ++piece)
    for (Peer peer : late)
      if (piece % 2 == 0) source.policy.note_has(peer, piece, source.now);
  source.next();
  CHECK(source.policy.outstanding() <= 8);
}

TEST_CASE("far nodes are left to those who are near, and a piece that they have goes out to the near ones all the same") {
  Source source(200);
  std::vector<Peer> near, far;
  for (int i = 0; i < 4; ++i) near.push_back(source.join());
  for (int i = 0; i < 4; ++i) far.push_back(source.join(PeerKind::far));
  for (Piece piece = 0; piece < 50; ++piece) source.policy.note_has(far[0], piece, source.now);
  CHECK(source.policy.fresh() == 200);
  std::set<Piece> to_near;
  Piece passed_on = 50;
  while (source.policy.fresh() > 0) {
    for (const auto& grant : source.next()) to_near.insert(grant.piece);
    source.now += 100ms;
    for (Peer peer : near) source.finish_one(peer);
    for (Peer peer : far) {
      CHECK(source.policy.outstanding(peer) == 0);
      source.policy.note_has(peer, passed_on, source.now);
    }
    ++passed_on;
  }
  CHECK(to_near.size() == 200);
  CHECK(source.most_times() == 1);
}

TEST_CASE("a far node that nobody feeds gets one piece at a time, a different one each") {
  Source source(200);
  (void)source.join();
  std::vector<Peer> far;
  for (int i = 0; i < 4; ++i) far.push_back(source.join(PeerKind::far));
  source.next();
  source.now += 4s;
  source.next();
  std::set<Piece> pieces;
  for (Peer peer : far) {
    CHECK(source.policy.outstanding(peer) == 1);
    pieces.insert(source.under_way[peer].begin(), source.under_way[peer].end());
  }
  CHECK(pieces.size() == 4);
}

TEST_CASE("a peer that turns out to be far, or no longer is, keeps what it has, and its grants are given to others") {
  Source source(20);
  const Peer peer = source.join();
  source.next();
  REQUIRE(source.policy.outstanding(peer) > 0);
  const Piece first = source.under_way[peer].front();
  source.finish_one(peer);
  CHECK(source.policy.fresh() < 20);
  const Peer far = source.policy.change(peer, PeerKind::far, source.now);
  CHECK(source.policy.outstanding() == 0);
  const Peer near = source.join();
  CHECK(source.policy.fresh() == 20);  // nobody near has anything
  source.policy.leave(near, source.now);
  const Peer again = source.policy.change(far, PeerKind::node, source.now);
  CHECK(source.policy.fresh() == 19);
  while (source.policy.fresh() > 0)
    for (const auto& grant : source.policy.next(source.now)) {
      CHECK(grant.peer == again);
      CHECK(grant.piece != first);
      source.now += 10ms;
      source.policy.note_has(again, grant.piece, source.now);
    }
}

// ---- peers that have nearly everything ----

namespace {

/// Peers of a kind that have everything but some pieces, and take a grant in a millisecond each.
struct Update {
  Update(Source& s, PeerKind kind, std::size_t peers, Piece lacking) : source(s) {
    for (std::size_t i = 0; i < peers; ++i) {
      members.push_back(source.join(kind));
      for (Piece piece = lacking; piece < source.pieces; ++piece) source.policy.note_brought(members.back(), piece);
    }
    left = peers * lacking;
  }
  /// How long it takes until everybody has everything from the source, who looks once a second or when a piece came.
  std::chrono::milliseconds run() {
    const SteadyTime start = source.now;
    SteadyTime looked{};
    bool news = true;
    for (; left > 0 && source.now - start < 1h; source.now += 1ms) {
      if (news || source.now - looked >= 1s) {
        source.next();
        looked = source.now;
      }
      news = false;
      for (const Peer member : members)
        if (source.finish_one(member)) {
          news = true;
          --left;
        }
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(source.now - start);
  }

  Source& source;
  std::vector<Peer> members;
  std::size_t left = 0;
};

}  // namespace

TEST_CASE("peers that lack a few of very many pieces get them at the rate of their links") {
  for (const PeerKind kind : {PeerKind::source, PeerKind::node})
    for (const std::size_t peers : {1U, 2U, 12U}) {
      CAPTURE(peers);
      Source source(20'000);
      source.now += 1h;
      Update update(source, kind, peers, 20);
      CHECK(update.run() < 100ms * static_cast<int>(peers));
      CHECK(source.policy.fresh() == 0);
    }
}

TEST_CASE("what nobody lacks is not new, and is again when a peer comes that lacks it") {
  Source source(100);
  CHECK(source.policy.fresh() == 0);
  const Peer whole = source.join(PeerKind::source);
  CHECK(source.policy.fresh() == 100);
  for (Piece piece = 0; piece < 100; ++piece) source.policy.note_brought(whole, piece);
  CHECK(source.policy.fresh() == 0);
  const Peer empty = source.join();
  CHECK(source.policy.fresh() == 100);
  source.policy.leave(empty, source.now);
  CHECK(source.policy.fresh() == 0);
}

TEST_CASE("a peer that stands still with pieces that are new for it alone does not keep help from the others") {
  Source source(100);
  source.now += 1h;
  const Peer frozen = source.join(), other = source.join();
  for (Piece piece = 0; piece < 50; ++piece) source.policy.note_has(other, piece, source.now);
  for (Piece piece = 50; piece < 100; ++piece) source.policy.note_has(frozen, piece, source.now);
  // Each has the pieces that the other lacks; the frozen one passes nothing on and takes nothing.
  for (int second = 0; second < 60; ++second) {
    source.now += 1s;
    source.next();
    while (source.finish_one(other)) source.next();
  }
  for (Piece piece = 0; piece < 100; ++piece) source.policy.note_has(other, piece, source.now);
  CHECK(source.policy.outstanding(other) == 0);
  CHECK(source.times[75] == 1);
}

TEST_CASE("a piece that a peer wishes goes out before others") {
  Source source(60);
  const Peer reader = source.join();
  source.next();
  const auto granted = source.under_way[reader];
  std::vector<Piece> wishes;
  for (Piece piece = 0; wishes.size() < 5; ++piece)
    if (std::find(granted.begin(), granted.end(), piece) == granted.end()) wishes.push_back(piece);
  for (const Piece piece : wishes) source.policy.wish(reader, piece);
  std::vector<Piece> next;
  while (next.size() < wishes.size()) {
    source.now += 10ms;
    REQUIRE(source.finish_one(reader));
    for (const auto& grant : source.next()) next.push_back(grant.piece);
  }
  next.resize(wishes.size());
  CHECK(next == wishes);
}

TEST_CASE("when all peers wish the same pieces, each still goes out once") {
  Source source(60);
  std::vector<Peer> peers;
  for (int i = 0; i < 12; ++i) peers.push_back(source.join());
  for (const Peer peer : peers)
    for (Piece piece = 0; piece < 20; ++piece) source.policy.wish(peer, piece);
  for (int turn = 0; turn < 40 && source.policy.fresh() > 0; ++turn) {
    source.next();
    source.now += 10ms;
    for (const Peer peer : peers) source.finish_one(peer);
  }
  CHECK(source.policy.fresh() == 0);
  CHECK(source.most_times() == 1);
}

TEST_CASE("wishes without end, for pieces that do not exist, or of a peer that leaves, do no harm") {
  Source source(10);
  const Peer peer = source.join(), far = source.join(PeerKind::far);
  for (int i = 0; i < 100'000; ++i) source.policy.wish(peer, static_cast<Piece>(i));
  source.policy.wish(far, 3);
  source.next();
  source.policy.leave(peer, source.now);
  source.next();
  CHECK(source.policy.outstanding() <= 1);
}
