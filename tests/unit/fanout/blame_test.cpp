// Orders in which a piece may be spoilt, and whom they convict.
#include "fanout/blame.hpp"

#include "crypto/digest.hpp"
#include "doctest/doctest.h"
#include "fanout/block_ledger.hpp"

using namespace shoal;
using namespace shoal::fanout;

namespace {

constexpr std::size_t blocks = 4;
const NodeId honest = NodeId::trusted("aaaaaaaaaaaa");
const NodeId liar = NodeId::trusted("bbbbbbbbbbbb");
const NodeId friend_of_liar = NodeId::trusted("cccccccccccc");
const NodeId other = NodeId::trusted("dddddddddddd");

Sha256 right(std::size_t block) { return crypto::sha256("right " + std::to_string(block)); }
Sha256 wrong(std::size_t block, int try_number = 0) {
  return crypto::sha256("wrong " + std::to_string(block) + " " + std::to_string(try_number));
}

BlockDigests truth() {
  BlockDigests all;
  for (std::size_t block = 0; block < blocks; ++block) all.emplace_back(right(block));
  return all;
}

struct Sent {
  const NodeId* from;  // nullptr: this machine itself, or nobody knows
  bool lie = false;
};

struct Arrived {
  BlockSenders senders;
  BlockDigests digests;
};

Arrived arrived(const std::vector<Sent>& sent) {
  Arrived piece;
  for (std::size_t block = 0; block < sent.size(); ++block) {
    piece.senders.push_back(sent[block].from != nullptr ? std::make_shared<const NodeId>(*sent[block].from) : nullptr);
    piece.digests.emplace_back(sent[block].lie ? wrong(block) : right(block));
  }
  return piece;
}

using Machines = Blame::Machines;

bool nobody_is_known(const NodeId&) { return false; }

}  // namespace

TEST_CASE("a piece that failed proves nothing against those who shared in it, its verified bytes prove who lied") {
  const struct {
    const char* what;
    std::vector<Sent> sent;
    Machines convicted;
  } orders[] = {
      {"the first block", {{&liar, true}, {&honest}, {&honest}, {&honest}}, {liar}},
      {"the last block", {{&honest}, {&honest}, {&honest}, {&liar, true}}, {liar}},
      {"every block but one", {{&liar, true}, {&liar, true}, {&honest}, {&liar, true}}, {liar}},
      {"right blocks around a wrong one", {{&liar}, {&honest}, {&liar, true}, {&liar}}, {liar}},
      {"two liars and an honest machine", {{&liar, true}, {&honest}, {&friend_of_liar, true}, {&honest}}, {liar, friend_of_liar}},
      {"two liars, of whom one was right this time", {{&liar, true}, {&honest}, {&friend_of_liar}, {&honest}}, {liar}},
      {"two liars and nobody else", {{&liar, true}, {&friend_of_liar}, {&liar}, {&friend_of_liar, true}}, {liar, friend_of_liar}},
      {"a block of unknown origin", {{&honest}, {nullptr, true}, {&honest}, {&honest}}, {}},
      {"blocks of this machine's own and a wrong one", {{nullptr}, {nullptr}, {&liar, true}, {nullptr}}, {liar}},
      {"what was spoilt in this machine's memory", {{&honest, false}, {&other, false}, {&honest, false}, {&other, false}}, {}},
  };
  for (const auto& order : orders) {
    CAPTURE(order.what);
    Blame blame;
    const Arrived piece = arrived(order.sent);
    CHECK(blame.failed(7, piece.senders, piece.digests).empty());
    CHECK(blame.is_disputed(7));
    CHECK(blame.verified(7, truth()) == order.convicted);
    CHECK_FALSE(blame.is_disputed(7));
  }
}

TEST_CASE("a whole piece from one machine that failed convicts it at once") {
  Blame blame;
  const Arrived piece = arrived({{&liar}, {&liar, true}, {&liar}, {&liar}});
  CHECK(blame.failed(7, piece.senders, piece.digests) == Machines{liar});
  CHECK_FALSE(blame.is_disputed(7));
}

TEST_CASE("a piece that failed because a block of it is not there convicts nobody") {
  Blame blame;
  Arrived piece = arrived({{&honest}, {&honest}, {&honest}, {&honest}});
  piece.digests[2].reset();
  CHECK(blame.failed(7, piece.senders, piece.digests).empty());
  CHECK(blame.failed(7, piece.senders, {}).empty());
  CHECK(blame.verified(7, truth()).empty());
}

TEST_CASE("a piece that fails again and again keeps the proofs of each time, each machine is named once") {
  Blame blame;
  for (const NodeId* spoiler : {&liar, &friend_of_liar, &liar}) {
    const Arrived piece = arrived({{&honest}, {spoiler, true}, {&other}, {&honest}});
    CHECK(blame.failed(7, piece.senders, piece.digests).empty());
  }
  CHECK(blame.verified(7, truth()) == Machines{liar, friend_of_liar});
}

TEST_CASE("once the right bytes are known, the piece convicts at the next failure, and each block can be told on arrival") {
  Blame blame;
  const Arrived first = arrived({{&honest}, {&liar, true}, {&honest}, {&honest}});
  blame.failed(7, first.senders, first.digests);
  CHECK(blame.truth(7, 1) == nullptr);
  CHECK(blame.settled(7, truth()) == Machines{liar});
  REQUIRE(blame.truth(7, 1) != nullptr);
  CHECK(*blame.truth(7, 1) == right(1));
  CHECK(blame.truth(7, blocks) == nullptr);
  CHECK(blame.truth(8, 1) == nullptr);
  const Arrived second = arrived({{&friend_of_liar, true}, {&honest}, {&honest}, {&honest}});
  CHECK(blame.failed(7, second.senders, second.digests) == Machines{friend_of_liar});
  CHECK(blame.verified(7, truth()).empty());
  CHECK(blame.truth(7, 1) == nullptr);
}

TEST_CASE("a block whose digest could not be read convicts nobody") {
  Blame blame;
  Arrived piece = arrived({{&liar, true}, {&honest}, {&honest}, {&honest}});
  piece.digests[0].reset();
  blame.failed(7, piece.senders, piece.digests);
  CHECK(blame.verified(7, truth()).empty());
  blame.failed(8, piece.senders, {});
  CHECK(blame.verified(8, truth()).empty());
}

TEST_CASE("the oldest dispute is settled first, one that a known liar explains only when it fails again") {
  Blame blame;
  const auto is_liar = [](const NodeId& machine) { return machine == liar; };
  const Arrived explained = arrived({{&honest}, {&liar, true}, {&honest}, {&honest}});
  const Arrived open = arrived({{&honest}, {&other}, {&friend_of_liar, true}, {&honest}});
  CHECK_FALSE(blame.to_settle(nobody_is_known));
  blame.failed(9, explained.senders, explained.digests);
  blame.failed(3, open.senders, open.digests);
  CHECK(blame.to_settle(nobody_is_known) == 9U);
  CHECK(blame.to_settle(is_liar) == 3U);
  CHECK(blame.senders(3) == std::set<NodeId>{honest, other, friend_of_liar});
  CHECK(blame.suspicions(honest) == 2);
  CHECK(blame.suspicions(liar) == 1);
  blame.settled(3, truth());
  CHECK_FALSE(blame.to_settle(is_liar));
  blame.failed(9, explained.senders, explained.digests);
  CHECK(blame.to_settle(is_liar) == 9U);
}

TEST_CASE("what is remembered of failed pieces is bounded") {
  Blame blame;
  const Arrived piece = arrived({{&honest}, {&liar, true}, {&honest}, {&honest}});
  for (Blame::Piece number = 0; number < 20'000; ++number) blame.failed(number, piece.senders, piece.digests);
  CHECK_FALSE(blame.is_disputed(0));
  CHECK(blame.is_disputed(19'999));
  CHECK(blame.suspicions(liar) < 14'000);
}

TEST_CASE("the ledger knows who sent which block, and not whose bytes are kept of two") {
  BlockLedger ledger;
  const auto from = [](const NodeId& machine) { return std::make_shared<const NodeId>(machine); };
  CHECK(ledger.take(7, blocks).empty());
  ledger.add(7, 0, from(honest));
  ledger.add(7, 2, from(liar));
  ledger.add(7, 3, from(liar));
  ledger.add(7, 3, from(honest));
  ledger.add(7, 9, from(honest));
  const BlockSenders senders = ledger.take(7, blocks);
  REQUIRE(senders.size() == blocks);
  CHECK(*senders[0] == honest);
  CHECK(senders[1] == nullptr);
  CHECK(*senders[2] == liar);
  CHECK(senders[3] == nullptr);
  CHECK(ledger.take(7, blocks).empty());
  ledger.add(8, 0, from(honest));
  ledger.clear(8);
  CHECK(ledger.take(8, blocks).empty());
}
