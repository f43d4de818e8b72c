// Bytes that may be read of a release on its way, and pieces that come first for its readers.
#include "node/arriving_pieces.hpp"

#include <doctest/doctest.h>

namespace shoal::node {
namespace {

constexpr std::uint32_t piece = 1024 * 1024;

/// Two files of 40 pieces and one small one, each on a piece boundary.
store::Layout layout() { return {{{"config.json", 700}, {"a.safetensors", 40 * MiB}, {"b.safetensors", 40 * MiB - 5}}, piece}; }

TEST_CASE("a reader's window is what is missing of the next pieces of its file, each once") {
  ArrivingPieces pieces(layout());
  std::vector<bool> have(layout().piece_count());
  have[3] = true;
  CHECK(pieces.set_have(have));
  CHECK_FALSE(pieces.set_have(have));
  const auto window = pieces.to_hurry(1, 0);
  CHECK(window.front() == 1);
  CHECK(window.back() == 16);
  CHECK(window.size() == 15);
  CHECK(pieces.to_hurry(1, MiB) == std::vector<std::uint32_t>{17});
  CHECK(pieces.to_hurry(1, 0).empty());
}

TEST_CASE("a window ends with its file") {
  ArrivingPieces pieces(layout());
  CHECK(pieces.to_hurry(1, 38 * MiB) == std::vector<std::uint32_t>{39, 40});
}

TEST_CASE("a reader may have the rest of the piece that it is in") {
  const ArrivingPieces pieces(layout());
  CHECK(pieces.piece_at(1, 5 * MiB + 7) == 6);
  CHECK(pieces.rest_of_piece(1, 5 * MiB + 7) == MiB - 7);
  CHECK(pieces.rest_of_piece(2, 39 * MiB) == MiB - 5);
}

TEST_CASE("pieces of another content are not taken for those of this one") {
  ArrivingPieces pieces(layout());
  CHECK_FALSE(pieces.set_have({}));
  CHECK_FALSE(pieces.set_have(std::vector<bool>(7, true)));
  CHECK_FALSE(pieces.has(0));
}

TEST_CASE("configuration and the headers of weights come first, and are a small part") {
  CHECK(pieces_read_first(layout()) == std::vector<std::uint32_t>{0, 1, 41});
  const store::Layout tiny({{"a.safetensors", 3 * MiB}}, piece);
  CHECK(pieces_read_first(tiny).empty());
}

}  // namespace
}  // namespace shoal::node
