#include "fanout/deciding_gate.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "fanout/grant_policy.hpp"

using namespace shoal;
using namespace shoal::fanout;

namespace {

constexpr SteadyTime start = SteadyTime{} + std::chrono::hours(1);

}  // namespace

TEST_CASE("the gate lets deciding pieces through, and the allowance") {
  DecidingGate gate({3, 7}, 1000);
  for (int i = 0; i < 100; ++i) CHECK(gate.admits(3, 16384, start));
  CHECK(gate.admits(1, 600, start));
  CHECK_FALSE(gate.admits(1, 600, start));
  CHECK(gate.admits(2, 400, start));
  CHECK_FALSE(gate.admits(2, 1, start));
  CHECK(gate.admits(7, 16384, start));
  gate.open();
  CHECK(gate.admits(1, 16384, start));
}

TEST_CASE("the gate tells once that the last deciding piece is there") {
  DecidingGate gate({3, 7}, 0);
  CHECK_FALSE(gate.arrived(7));
  CHECK_FALSE(gate.arrived(5));
  CHECK_FALSE(gate.arrived(7));
  CHECK(gate.arrived(3));
  CHECK_FALSE(gate.arrived(3));
}

TEST_CASE("the gate opens by itself when something waits and nothing comes of the deciding pieces") {
  using std::chrono::milliseconds;
  DecidingGate gate({3}, 0);
  CHECK_FALSE(gate.is_open(start + std::chrono::hours(1)));
  CHECK_FALSE(gate.admits(1, 1, start));
  CHECK_FALSE(gate.is_open(start + milliseconds(299)));
  gate.came(5, start + milliseconds(200));
  gate.came(3, start + milliseconds(250));
  CHECK_FALSE(gate.is_open(start + milliseconds(549)));
  CHECK(gate.admits(1, 1, start + milliseconds(550)));
  CHECK(gate.is_open(start));
}

TEST_CASE("the gate holds nothing back for long, though the deciding pieces go on coming") {
  DecidingGate gate({3}, 0);
  CHECK_FALSE(gate.admits(1, 1, start));
  for (int i = 1; i < 40; ++i) {
    gate.came(3, start + i * std::chrono::milliseconds(100));
    CHECK_FALSE(gate.is_open(start + i * std::chrono::milliseconds(100)));
  }
  CHECK(gate.is_open(start + std::chrono::seconds(4)));
}

TEST_CASE("a source grants the pieces that decide before all others") {
  const std::vector<GrantPolicy::Piece> first{3, 500, 998};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    GrantPolicy policy(1000, 7, seed, 64, first);
    for (GrantPolicy::Piece each = 0; each < 1000; ++each) policy.set_held(each, true);
    policy.join(PeerKind::node, start);
    std::vector<GrantPolicy::Piece> granted;
    for (const auto& grant : policy.next(start)) granted.push_back(grant.piece);
    REQUIRE(granted.size() >= 3);
    granted.resize(3);
    std::sort(granted.begin(), granted.end());
    CHECK(granted == first);
  }
}

TEST_CASE("nodes that all want the same pieces first get each of them from the source once") {
  const std::vector<GrantPolicy::Piece> first{3, 500, 998};
  GrantPolicy policy(1000, 7, 1, 64, first);
  for (GrantPolicy::Piece each = 0; each < 1000; ++each) policy.set_held(each, true);
  for (int node = 0; node < 12; ++node) policy.join(PeerKind::node, start);
  std::vector<int> copies(1000);
  for (const auto& grant : policy.next(start)) ++copies[grant.piece];
  for (const auto each : first) CHECK(copies[each] == 1);
  CHECK(*std::max_element(copies.begin(), copies.end()) == 1);
}

TEST_CASE("a node that comes when all has gone out before gets the pieces that decide first, too") {
  const std::vector<GrantPolicy::Piece> first{3, 500, 998};
  GrantPolicy policy(1000, 7, 1, 64, first);
  for (GrantPolicy::Piece each = 0; each < 1000; ++each) policy.set_held(each, true);
  const auto earlier = policy.join(PeerKind::node, start);
  for (GrantPolicy::Piece each = 0; each < 1000; ++each) policy.note_has(earlier, each, start);
  REQUIRE(policy.fresh() == 0);
  policy.leave(earlier, start);
  policy.join(PeerKind::node, start + std::chrono::milliseconds(1));
  std::vector<GrantPolicy::Piece> granted;
  for (int i = 0; i < 20; ++i)
    for (const auto& grant : policy.next(start + i * std::chrono::milliseconds(100))) granted.push_back(grant.piece);
  REQUIRE(granted.size() >= 3);
  granted.resize(3);
  std::sort(granted.begin(), granted.end());
  CHECK(granted == first);
}
