#include "fanout/bans.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::fanout;
using namespace std::chrono_literals;

namespace {

const NodeId liar = NodeId::trusted("bbbbbbbbbbbb");
const NodeId other = NodeId::trusted("cccccccccccc");

InfoHash content(std::uint8_t number) {
  InfoHash hash;
  hash.bytes[0] = number;
  return hash;
}

SteadyTime at(std::chrono::seconds time) { return SteadyTime{} + time; }

}  // namespace

TEST_CASE("a ban is for one content, ends by itself, and is twice as long the next time") {
  Bans bans;
  const Sentence first = bans.convict(liar, content(1), at(0s), false);
  CHECK(first.lasts == 120s);
  CHECK_FALSE(first.everywhere);
  CHECK(first.is_worth_logging);
  CHECK(bans.is_banned(liar, content(1), at(119s)));
  CHECK_FALSE(bans.is_banned(liar, content(2), at(119s)));
  CHECK_FALSE(bans.is_banned(other, content(1), at(119s)));
  CHECK_FALSE(bans.is_banned(liar, content(1), at(120s)));
  CHECK(bans.has_lied(liar, content(1)));
  CHECK(bans.convict(liar, content(1), at(200s), false).lasts == 240s);
  SteadyTime now = at(1000s);
  for (int i = 0; i < 20; ++i, now += 2h) CHECK(bans.convict(liar, content(1), now, false).lasts <= 1h);
}

TEST_CASE("what comes to light while the machine is banned is the same lie") {
  Bans bans;
  bans.convict(liar, content(1), at(0s), false);
  const Sentence again = bans.convict(liar, content(1), at(60s), false);
  CHECK_FALSE(again.is_worth_logging);
  CHECK(again.lasts == 60s);
  CHECK(bans.convict(liar, content(1), at(121s), false).lasts == 240s);
  CHECK(bans.convictions() == 3);
}

TEST_CASE("who lied in several contents is banned from all") {
  Bans bans;
  bans.convict(liar, content(1), at(0s), false);
  CHECK_FALSE(bans.is_banned_everywhere(liar, at(1s)));
  const Sentence second = bans.convict(liar, content(2), at(1s), false);
  CHECK(second.everywhere);
  CHECK(bans.is_banned_everywhere(liar, at(2s)));
  CHECK_FALSE(bans.is_banned_everywhere(other, at(2s)));
  CHECK_FALSE(bans.is_banned_everywhere(liar, at(122s)));
}

TEST_CASE("the last source stays, and pauses only while nothing but lies come") {
  Bans bans;
  CHECK(bans.convict(liar, content(1), at(0s), true).lasts == 0s);
  CHECK_FALSE(bans.is_banned(liar, content(1), at(0s)));
  bans.vouch(liar, content(1));
  CHECK(bans.convict(liar, content(1), at(1s), true).lasts == 0s);
  CHECK(bans.convict(liar, content(1), at(2s), true).lasts == 5s);
  CHECK(bans.is_banned(liar, content(1), at(3s)));
  CHECK(bans.convict(liar, content(1), at(8s), true).lasts == 10s);
  SteadyTime now = at(100s);
  for (int i = 0; i < 20; ++i, now += 2min) CHECK(bans.convict(liar, content(1), now, true).lasts <= 60s);
  CHECK(bans.is_banned(liar, content(1), now - 2min + 1s));
}

TEST_CASE("when nobody is left who has what is missing, bans end and pauses do not") {
  Bans bans;
  bans.convict(liar, content(1), at(0s), false);
  bans.convict(other, content(1), at(0s), true);
  bans.convict(other, content(1), at(0s), true);
  bans.pardon(content(2), at(1s));
  CHECK(bans.is_banned(liar, content(1), at(1s)));
  bans.pardon(content(1), at(1s));
  CHECK_FALSE(bans.is_banned(liar, content(1), at(1s)));
  CHECK(bans.is_banned(other, content(1), at(1s)));
  CHECK(bans.has_lied(liar, content(1)));
}

TEST_CASE("machines that are banned now are counted") {
  Bans bans;
  bans.convict(liar, content(1), at(0s), false);
  bans.convict(other, content(2), at(0s), false);
  CHECK(bans.count(content(1), at(1s)) == 1);
  CHECK(bans.count(at(1s)) == 2);
  CHECK(bans.count(at(121s)) == 0);
  CHECK(bans.convictions() == 2);
}

TEST_CASE("a machine that goes on lying writes fewer and fewer lines") {
  Bans bans;
  int lines = 0;
  SteadyTime now = at(0s);
  for (int i = 0; i < 1000; ++i, now += 2min) lines += bans.convict(liar, content(1), now, true).is_worth_logging ? 1 : 0;
  CHECK(lines == 10);
}

TEST_CASE("what was proved is forgotten in the end, and not many machines are remembered") {
  Bans bans;
  bans.convict(liar, content(1), at(0s), false);
  bans.convict(other, content(1), at(7h), false);
  CHECK_FALSE(bans.has_lied(liar, content(1)));
  for (int i = 0; i < 5000; ++i) bans.convict(NodeId::trusted("m" + std::to_string(i)), content(1), at(8h), false);
  CHECK(bans.count(at(8h)) <= 4096);
  for (int i = 0; i < 200; ++i) bans.convict(liar, content(static_cast<std::uint8_t>(i)), at(9h), false);
  CHECK(bans.has_lied(liar, content(199)));
}
