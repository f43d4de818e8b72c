#include "store/layout.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

namespace shoal::store {
namespace {

bool same(const PieceExtent& a, std::uint32_t file, ByteCount offset, std::uint32_t length) {
  return a.file == file && a.offset == offset && a.length == length;
}

TEST_CASE("every file starts on a piece boundary") {
  Layout layout({{"a", 10}, {"b", 4}, {"c", 9}, {"d", 1}}, 4);
  CHECK(layout.piece_count() == 8);
  CHECK(layout.total_size() == 24);
  CHECK(layout.first_piece(0) == 0);
  CHECK(layout.first_piece(1) == 3);
  CHECK(layout.first_piece(2) == 4);
  CHECK(layout.first_piece(3) == 7);
  CHECK(layout.pieces_of(0) == 3);
  CHECK(layout.pieces_of(1) == 1);
  CHECK(layout.pieces_of(2) == 3);
  CHECK(layout.pieces_of(3) == 1);
}

TEST_CASE("a piece holds bytes of one file, fewer at its end") {
  Layout layout({{"a", 10}, {"b", 4}, {"c", 9}, {"d", 1}}, 4);
  struct Row {
    std::uint32_t piece, file;
    ByteCount offset;
    std::uint32_t length;
  };
  for (Row row : {Row{0, 0, 0, 4}, Row{1, 0, 4, 4}, Row{2, 0, 8, 2}, Row{3, 1, 0, 4}, Row{4, 2, 0, 4}, Row{5, 2, 4, 4}, Row{6, 2, 8, 1},
                  Row{7, 3, 0, 1}}) {
    CAPTURE(row.piece);
    CHECK(same(layout.extent(row.piece), row.file, row.offset, row.length));
  }
}

TEST_CASE("empty files take no piece, wherever they stand") {
  Layout layout({{"a", 0}, {"b", 0}, {"c", 5}, {"d", 0}, {"e", 4}, {"f", 0}}, 4);
  CHECK(layout.piece_count() == 3);
  CHECK(layout.pieces_of(0) == 0);
  CHECK(layout.pieces_of(3) == 0);
  CHECK(layout.first_piece(3) == layout.first_piece(4));
  CHECK(layout.first_piece(5) == layout.piece_count());
  CHECK(same(layout.extent(0), 2, 0, 4));
  CHECK(same(layout.extent(1), 2, 4, 1));
  CHECK(same(layout.extent(2), 4, 0, 4));
}

TEST_CASE("a layout of empty files has no pieces") {
  Layout layout({{"a", 0}, {"b", 0}}, 4);
  CHECK(layout.piece_count() == 0);
  CHECK(layout.total_size() == 0);
  CHECK_THROWS_AS(layout.extent(0), std::out_of_range);
}

TEST_CASE("sizes beyond 32 bits keep their offsets") {
  Layout layout({{"a", 700 * GiB + 3}, {"b", 1}}, 16 * 1024 * 1024);
  CHECK(layout.piece_count() == 44802);
  CHECK(same(layout.extent(44800), 0, 700 * GiB, 3));
  CHECK(same(layout.extent(44801), 1, 0, 1));
}

TEST_CASE("a layout from a document is refused where its pieces cannot be numbered") {
  constexpr ByteCount huge = ~ByteCount{0};
  CHECK_FALSE(Layout::make({{"a", 10}}, 0).ok());
  CHECK_FALSE(Layout::make({{"a", huge}}, 16 * 1024).ok());
  CHECK_FALSE(Layout::make({{"a", 1}, {"b", huge}}, 1).ok());
  CHECK_FALSE(Layout::make({{"a", ByteCount{1} << 31}}, 1).ok());
  CHECK(Layout::make({{"a", (ByteCount{1} << 31) - 1}}, 1).ok());
  CHECK_THROWS_AS(Layout({{"a", huge}}, 1), std::length_error);
  CHECK_THROWS_AS(Layout({{"a", 1}}, 0), std::invalid_argument);
}

TEST_CASE("a checkpoint has a thousand pieces or more, from 64 KiB to 4 MiB each") {
  CHECK(piece_length_for(0) == 64 * KiB);
  CHECK(piece_length_for(64 * MiB) == 64 * KiB);
  CHECK(piece_length_for(64 * MiB + 1) == 128 * KiB);
  CHECK(piece_length_for(512'000'000) == 256 * KiB);
  CHECK(piece_length_for(GiB) == 256 * KiB);
  CHECK(piece_length_for(2 * GiB) == 512 * KiB);
  CHECK(piece_length_for(15 * GiB) == 2 * MiB);
  CHECK(piece_length_for(64 * GiB) == 2 * MiB);
  CHECK(piece_length_for(65 * GiB) == 4 * MiB);
  CHECK(piece_length_for(1000 * GiB) == 4 * MiB);
  for (ByteCount size = 64 * MiB; size < 1000 * GiB; size = size * 3 / 2) CHECK(size / piece_length_for(size) >= (size < GiB ? 512 : 2048));
}

TEST_CASE("the length of an earlier version stays while it suits") {
  CHECK(piece_length_for(64 * MiB + 1, 64 * KiB) == 64 * KiB);
  CHECK(piece_length_for(64 * MiB, 128 * KiB) == 128 * KiB);
  CHECK(piece_length_for(128 * MiB + 1, 64 * KiB) == 256 * KiB);
  CHECK(piece_length_for(64 * MiB, 256 * KiB) == 64 * KiB);
  CHECK(piece_length_for(64 * MiB, 0) == 64 * KiB);
}

}  // namespace
}  // namespace shoal::store
