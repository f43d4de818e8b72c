#include "swarm/deciding_pieces.hpp"

#include <doctest/doctest.h>

using namespace shoal;
using namespace shoal::swarm;

namespace {

constexpr std::uint32_t piece = 64 * 1024;

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
