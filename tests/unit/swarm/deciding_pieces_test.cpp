#include "swarm/deciding_pieces.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "swarm/deciding_gate.hpp"
#include "swarm/grant_policy.hpp"

using namespace shoal;
using namespace shoal::swarm;

namespace {

constexpr std::uint32_t piece = 64 * 1024;
constexpr SteadyTime start = SteadyTime{} + std::chrono::hours(1);

std::vector<store::LayoutFile> equal_files(int count, ByteCount size) {
  std::vector<store::LayoutFile> files;
  for (int i = 0; i < count; ++i) files.push_back({"f" + std::to_string(1000 + i), size});
  return files;
}

}  // namespace

TEST_CASE("the head of each file decides, and its last 64 KiB, where archives keep their directories") {
  const store::Layout layout({{"a", 1}, {"b", ByteCount{200} * piece}, {"c", 0}, {"d", ByteCount{100} * piece + 1}}, piece);
  // With the end of an archive, 22 bytes more.
  CHECK(deciding_pieces(layout) == std::vector<std::uint32_t>{0, 1, 199, 200, 201, 299, 300, 301});
}

TEST_CASE("where heads and tails are many, the heads alone decide, or nothing") {
  CHECK(deciding_pieces(store::Layout(equal_files(200, 10 * piece), piece)).size() == 200);
  CHECK(deciding_pieces(store::Layout(equal_files(200, 100 * piece), piece)).size() == 600);
  CHECK(deciding_pieces(store::Layout(equal_files(200, 3 * piece), piece)).empty());
}

TEST_CASE("files that share pieces share those that decide") {
  auto files = equal_files(100, 500);
  files.push_back({"weights", ByteCount{100} * piece});
  CHECK(deciding_pieces(store::Layout(files, piece, store::Packing::packed)).size() == 4);
}

TEST_CASE("as much may come beside the deciding pieces as they are, within bounds") {
  const store::Layout small({{"a", ByteCount{100} * piece}}, piece);
  CHECK(allowance_beside(small, {0}) == 256 * KiB);
  CHECK(allowance_beside(small, {0, 1, 2, 3, 4, 5, 6, 7}) == 8 * piece);
  const store::Layout large({{"a", 8 * GiB}}, 4 * MiB);
  std::vector<std::uint32_t> many(100);
  CHECK(allowance_beside(large, many) == 32 * MiB);
}

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
    for (GrantPolicy::Piece each = 0; each < 1000; ++each) policy.hold(each, true);
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
  for (GrantPolicy::Piece each = 0; each < 1000; ++each) policy.hold(each, true);
  for (int node = 0; node < 12; ++node) policy.join(PeerKind::node, start);
  std::vector<int> copies(1000);
  for (const auto& grant : policy.next(start)) ++copies[grant.piece];
  for (const auto each : first) CHECK(copies[each] == 1);
  CHECK(*std::max_element(copies.begin(), copies.end()) == 1);
}

TEST_CASE("a node that comes when all has gone out before gets the pieces that decide first, too") {
  const std::vector<GrantPolicy::Piece> first{3, 500, 998};
  GrantPolicy policy(1000, 7, 1, 64, first);
  for (GrantPolicy::Piece each = 0; each < 1000; ++each) policy.hold(each, true);
  const auto earlier = policy.join(PeerKind::node, start);
  for (GrantPolicy::Piece each = 0; each < 1000; ++each) policy.has(earlier, each, start);
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
