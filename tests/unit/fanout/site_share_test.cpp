// Which pieces cross between sites, without sockets: each is fetched by one machine of a site, and none by nobody.
#include "fanout/site_share.hpp"

#include <memory>
#include <set>
#include <vector>

#include "doctest/doctest.h"

using namespace shoal;
using namespace std::chrono_literals;
using fanout::SiteShare;
using Link = SiteShare::Link;
using Piece = SiteShare::Piece;

namespace {

constexpr Piece pieces = 600;

/// Machines of one site that all know each other, each with a link to a far machine.
struct Site {
  struct Machine {
    SiteShare share;
    std::map<std::size_t, Link> near;
    Link far;
    std::set<Piece> sees;  // of what the far machine has
  };

  explicit Site(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) machines.push_back(std::make_unique<Machine>(Machine{{pieces, number(i), now}, {}, 0, {}}));
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < count; ++j)
        if (j != i) machines[i]->near[j] = machines[i]->share.join_near(number(j));
      machines[i]->far = machines[i]->share.join_far();
    }
    now += 1s;
    look();
  }
  static std::uint64_t number(std::size_t machine) { return 1000 + machine; }

  void far_has(Piece piece) {
    for (auto& machine : machines)
      if (machine->share.note_has(machine->far, piece)) machine->sees.insert(piece);
  }
  void got(std::size_t who, Piece piece) {
    machines[who]->share.note_own(piece, now);
    for (std::size_t i = 0; i < machines.size(); ++i)
      if (i != who) CHECK(machines[i]->share.note_has(machines[i]->near[who], piece));
  }
  void look() {
    for (auto& machine : machines)
      for (const auto& [link, piece] : machine->share.next(now)) machine->sees.insert(piece);
  }
  std::size_t seen_by(Piece piece) const {
    std::size_t count = 0;
    for (const auto& machine : machines) count += machine->sees.contains(piece) ? 1 : 0;
    return count;
  }

  SteadyTime now{std::chrono::seconds(100)};
  std::vector<std::unique_ptr<Machine>> machines;
};

}  // namespace

TEST_CASE("each piece of another site is seen by one machine, and all have about as many to fetch") {
  Site site(6);
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  for (Piece piece = 0; piece < pieces; ++piece) CHECK(site.seen_by(piece) == 1);
  for (const auto& machine : site.machines) {
    CHECK(machine->sees.size() > pieces / 6 / 2);
    CHECK(machine->sees.size() < pieces / 6 * 2);
  }
}

TEST_CASE("what somebody near has does not cross") {
  Site site(4);
  for (Piece piece = 0; piece < 100; ++piece) site.got(0, piece);
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  for (Piece piece = 0; piece < 100; ++piece)
    for (std::size_t other = 1; other < 4; ++other) CHECK_FALSE(site.machines[other]->sees.contains(piece));
  for (Piece piece = 100; piece < pieces; ++piece) CHECK(site.seen_by(piece) == 1);
}

TEST_CASE("nothing is seen in the first moment, when those near may be about to come") {
  SteadyTime now{100s};
  SiteShare share(100, 1, now);
  const Link far = share.join_far();
  for (Piece piece = 0; piece < 100; ++piece) CHECK_FALSE(share.note_has(far, piece));
  CHECK(share.next(now + 100ms).empty());
  const Link near = share.join_near(2);
  for (Piece piece = 0; piece < 50; ++piece) CHECK(share.note_has(near, piece));
  const auto shown = share.next(now + 600ms);
  CHECK(shown.size() > 10);
  CHECK(shown.size() < 40);
  for (const auto& [link, piece] : shown) CHECK(piece >= 50);
}

TEST_CASE("what is here already is not hidden: there is nothing to fetch") {
  SiteShare share(10, 1, {});
  (void)share.join_near(2);
  const Link far = share.join_far();
  for (Piece piece = 0; piece < 10; ++piece) {
    share.note_own(piece, {});
    CHECK(share.note_has(far, piece));
  }
  CHECK(share.next(SteadyTime{} + 1h).empty());
}

TEST_CASE("the share of a machine that goes falls to the others, and they see what was hidden") {
  Site site(6);
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  site.got(5, 7);  // and takes it along
  for (std::size_t i = 0; i < 5; ++i) site.machines[i]->share.leave(site.machines[i]->near[5]);
  site.machines.pop_back();
  site.look();
  for (Piece piece = 0; piece < pieces; ++piece) CHECK(site.seen_by(piece) == 1);
}

TEST_CASE("a machine that has everything has no share") {
  Site site(3);
  for (Piece piece = 0; piece < pieces; ++piece) site.machines[2]->share.note_own(piece, site.now);
  const Link finished = site.machines[0]->near[2];
  for (Piece piece = 0; piece < pieces; ++piece) CHECK(site.machines[0]->share.note_has(finished, piece));
  // It goes, and what it had comes from far.
  site.machines[0]->share.leave(finished);
  site.machines[1]->share.leave(site.machines[1]->near[2]);
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  for (Piece piece = 0; piece < pieces; ++piece) {
    const bool first = site.machines[0]->sees.contains(piece), second = site.machines[1]->sees.contains(piece);
    CHECK(first != second);
  }
}

TEST_CASE("who gets nothing for a while looks beyond its share, a few pieces at a time and first for what nobody near has") {
  Site site(2);
  auto& waiting = *site.machines[0];
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  for (const Piece piece : waiting.sees) waiting.share.note_own(piece, site.now);
  for (Piece piece = 0; piece < pieces / 2; ++piece)
    if (!waiting.sees.contains(piece)) CHECK(waiting.share.note_has(waiting.near[1], piece));
  CHECK(waiting.share.next(site.now + 1s).empty());
  const auto shown = waiting.share.next(site.now + 4s);
  CHECK(shown.size() == 4);
  for (const auto& [link, piece] : shown) {
    CHECK(link == waiting.far);
    CHECK(piece >= pieces / 2);
    CHECK_FALSE(waiting.sees.contains(piece));
    waiting.sees.insert(piece);
  }
  CHECK(waiting.share.next(site.now + 5s).empty());
  // In the end it has seen everything, also what somebody near holds and does not give.
  std::set<Piece> seen = waiting.sees;
  for (int round = 0; round < 200; ++round)
    for (const auto& [link, piece] : waiting.share.next(site.now + 10s + round * 4s)) seen.insert(piece);
  CHECK(seen.size() == pieces);
}

TEST_CASE("a near machine that stands still, or holds back what it has, is soon done without") {
  Site site(2);
  auto& waiting = *site.machines[0];
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  for (const Piece piece : waiting.sees) waiting.share.note_own(piece, site.now);
  std::vector<std::size_t> each;
  for (int round = 0; round < 5; ++round) {
    const auto shown = waiting.share.next(site.now += 4s);
    each.push_back(shown.size());
    for (const auto& [link, piece] : shown) waiting.share.note_own(piece, site.now);
  }
  CHECK(each == std::vector<std::size_t>{4, 8, 16, 32, 64});
  // Something comes that was not looked for: there is no hurry any more.
  Piece other = 0;
  while (waiting.share.note_has(waiting.far, other)) ++other;  // what is here already
  CHECK(waiting.share.note_has(waiting.near[1], other));
  waiting.share.note_own(other, site.now);
  CHECK(waiting.share.next(site.now += 4s).size() == 4);
}

TEST_CASE("a trickle from a far source does not pass for the part of those near") {
  Site site(2);
  auto& waiting = *site.machines[0];
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  for (const Piece piece : waiting.sees) waiting.share.note_own(piece, site.now);
  std::size_t seen = 0;
  Piece given = 0;
  for (int second = 0; second < 30; ++second) {
    while (waiting.share.note_has(waiting.far, given)) ++given;
    waiting.share.note_own(given, site.now += 1s);
    seen += waiting.share.next(site.now).size();
  }
  CHECK(seen > 100);
}

TEST_CASE("a machine with work of its own looks no further, as long as something comes") {
  Site site(2);
  auto& busy = *site.machines[0];
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  auto own = busy.sees.begin();
  for (int second = 0; second < 30; ++second) {
    busy.share.note_own(*own++, site.now += 1s);
    CHECK(busy.share.next(site.now).empty());
  }
}

TEST_CASE("looking in vain is no reason to take more when there is something") {
  Site site(2);
  auto& waiting = *site.machines[0];
  for (int round = 0; round < 10; ++round) CHECK(waiting.share.next(site.now += 4s).empty());
  for (Piece piece = 0; piece < pieces; ++piece) site.far_has(piece);
  CHECK(waiting.share.next(site.now += 4s).size() == 4);
}

TEST_CASE("a number that is no piece does no harm") {
  SiteShare share(8, 1, {});
  const Link near = share.join_near(2), far = share.join_far();
  CHECK(share.note_has(near, 8));
  CHECK(share.note_has(far, 0xFFFFFFFF));
  share.note_own(9, {});
  share.leave(17);
  share.leave(near);
  share.leave(far);
  CHECK(share.next({}).empty());
}
