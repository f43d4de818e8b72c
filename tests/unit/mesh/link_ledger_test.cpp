#include "mesh/link_ledger.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::mesh;
using identity::Role;

namespace {

LinkKey key(unsigned content, const char* peer = "aaaaaaaaaaaa") {
  InfoHash hash;
  hash.bytes[0] = static_cast<std::uint8_t>(content);
  return {NodeId::parse(peer).value(), hash};
}

void pass(LinkLedger& ledger, const LinkKey& key, ByteCount bytes, Role role = Role::node) {
  auto traffic = ledger.traffic(key, role);
  ledger.started(key);
  traffic->received += bytes;
  traffic->sent += 2 * bytes;
  ledger.ended(key);
}

}  // namespace

TEST_CASE("links that ended go on counting, apart while they are few and in the totals for ever") {
  LinkLedger ledger(3);
  for (unsigned i = 0; i < 100; ++i) pass(ledger, key(i), 10, i % 2 == 0 ? Role::seeder : Role::node);
  CHECK(ledger.counters().size() == 3);
  CHECK(ledger.open() == 0);
  auto totals = ledger.totals();
  CHECK(totals[Role::seeder].received == 500);
  CHECK(totals[Role::node].received == 500);
  CHECK(totals[Role::node].sent == 1000);
}

TEST_CASE("links between the same machines are one entry, and an open one is never forgotten") {
  LinkLedger ledger(2);
  auto open = ledger.traffic(key(1), Role::node);
  ledger.started(key(1));
  for (unsigned i = 0; i < 10; ++i) pass(ledger, key(2), 1);
  for (unsigned i = 10; i < 20; ++i) pass(ledger, key(i), 1);
  open->received += 7;
  CHECK(ledger.open() == 1);
  CHECK(ledger.counters().size() == 3);
  CHECK(ledger.counters().front().received == 7);
  CHECK(ledger.counters().front().links == 1);
  CHECK(ledger.totals()[Role::node].received == 7 + 10 + 10);
  CHECK(ledger.totals()[Role::node].links == 1);
}

TEST_CASE("a link that comes back after it was forgotten counts from nothing, and the totals lose nothing") {
  LinkLedger ledger(1);
  pass(ledger, key(1), 5);
  pass(ledger, key(2), 5);
  pass(ledger, key(1), 5);
  CHECK(ledger.counters().size() == 1);
  CHECK(ledger.counters().front().received == 5);
  CHECK(ledger.totals()[Role::node].received == 15);
}

TEST_CASE("with a content its ended links are forgotten, and the others are not") {
  LinkLedger ledger;
  pass(ledger, key(1), 5);
  pass(ledger, key(1, "bbbbbbbbbbbb"), 5);
  pass(ledger, key(2), 5);
  ledger.started(key(1, "cccccccccccc"));
  ledger.forget(key(1).info_hash);
  CHECK(ledger.counters().size() == 2);
  CHECK(ledger.totals()[Role::node].received == 15);
}
