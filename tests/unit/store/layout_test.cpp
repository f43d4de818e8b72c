#include "store/layout.hpp"

#include <doctest/doctest.h>

#include <random>
#include <stdexcept>

namespace shoal::store {
namespace {

bool same(const std::vector<FilePart>& parts, std::uint32_t file, ByteCount offset, std::uint32_t length) {
  return parts.size() == 1 && parts[0].file == file && parts[0].offset == offset && parts[0].length == length && parts[0].at == 0;
}

/// "FILE+OFFSET:LENGTH@PLACE" of each part.
std::string shown(const std::vector<FilePart>& parts) {
  std::string text;
  for (const FilePart& part : parts)
    text += (text.empty() ? "" : " ") + std::to_string(part.file) + "+" + std::to_string(part.offset) + ":" + std::to_string(part.length) +
            "@" + std::to_string(part.at);
  return text;
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
    CHECK(same(layout.parts(row.piece), row.file, row.offset, row.length));
  }
}

TEST_CASE("empty files take no piece, wherever they stand") {
  Layout layout({{"a", 0}, {"b", 0}, {"c", 5}, {"d", 0}, {"e", 4}, {"f", 0}}, 4);
  CHECK(layout.piece_count() == 3);
  CHECK(layout.pieces_of(0) == 0);
  CHECK(layout.pieces_of(3) == 0);
  CHECK(layout.first_piece(3) == layout.first_piece(4));
  CHECK(layout.first_piece(5) == layout.piece_count());
  CHECK(same(layout.parts(0), 2, 0, 4));
  CHECK(same(layout.parts(1), 2, 4, 1));
  CHECK(same(layout.parts(2), 4, 0, 4));
}

TEST_CASE("packed files share pieces and come first, the others start on a piece boundary each") {
  //              0: small   1: large   2: empty  3: small  4: as long as a piece  5: small
  Layout layout({{"a", 3}, {"b", 10}, {"c", 0}, {"d", 3}, {"e", 4}, {"f", 3}}, 4, Packing::packed);
  CHECK(layout.piece_count() == 3 + 3 + 1);
  CHECK(layout.total_size() == 23);
  CHECK(layout.order() == std::vector<std::uint32_t>{0, 2, 3, 5, 1, 4});
  const char* expected[] = {"0+0:3@0 3+0:1@3", "3+1:2@0 5+0:2@2", "5+2:1@0", "1+0:4@0", "1+4:4@0", "1+8:2@0", "4+0:4@0"};
  for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece) {
    CAPTURE(piece);
    CHECK(shown(layout.parts(piece)) == expected[piece]);
  }
  CHECK(layout.bytes_in(1) == 4);
  CHECK(layout.bytes_in(2) == 1);
  CHECK(layout.bytes_in(5) == 2);
  CHECK(layout.first_piece(3) == 0);
  CHECK(layout.pieces_of(3) == 2);
  CHECK(layout.first_piece(5) == 1);
  CHECK(layout.pieces_of(5) == 2);
  CHECK(layout.pieces_of(2) == 0);
  CHECK(layout.first_piece(4) == 6);
  CHECK(layout.is_packed(0));
  CHECK_FALSE(layout.is_packed(4));
  for (const auto& [piece, goes_on] :
       {std::pair(0, false), std::pair(1, true), std::pair(2, true), std::pair(3, false), std::pair(4, true), std::pair(6, false)})
    CHECK(layout.continues(static_cast<std::uint32_t>(piece)) == goes_on);
}

TEST_CASE("part of a piece is cut where files begin and end") {
  Layout layout({{"a", 3}, {"b", 3}, {"c", 3}}, 8, Packing::packed);
  CHECK(shown(layout.parts(0, 1, 6)) == "0+1:2@1 1+0:3@3 2+0:1@6");
  CHECK(shown(layout.parts(0, 3, 3)) == "1+0:3@3");
  CHECK(shown(layout.parts(1, 0, 1)) == "2+2:1@0");
  CHECK(layout.parts(0, 8, 0).empty());
  CHECK_THROWS_AS(layout.parts(1, 0, 2), std::out_of_range);
  CHECK_THROWS_AS(layout.parts(0, 9, 0), std::out_of_range);
}

TEST_CASE("every byte of every file is in one place, whatever the sizes and the packing") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    std::vector<LayoutFile> files;
    for (auto count = random() % 9; count-- > 0;)
      files.push_back({std::to_string(count), random() % 3 == 0 ? random() % 40 : random() % 9});
    for (const Packing packing : {Packing::aligned, Packing::packed}) {
      const Layout layout(files, 8, packing);
      std::vector<ByteCount> seen(files.size());
      for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece) {
        std::uint32_t at = 0;
        for (const FilePart& part : layout.parts(piece)) {
          CHECK(part.at == at);
          CHECK(part.offset == seen[part.file]);
          CHECK(part.length > 0);
          CHECK(piece >= layout.first_piece(part.file));
          CHECK(piece < layout.first_piece(part.file) + layout.pieces_of(part.file));
          seen[part.file] += part.length;
          at += part.length;
        }
        CHECK(at == layout.bytes_in(piece));
        CHECK(at <= 8);
      }
      for (std::size_t file = 0; file < files.size(); ++file) CHECK(seen[file] == files[file].size);
    }
  }
}

TEST_CASE("files are packed where that saves a twentieth of the network, and not for less") {
  const std::vector<LayoutFile> small(1000, {"f", 200});
  CHECK(packing_for(small, 64 * KiB) == Packing::packed);
  // A checkpoint with its few small files stays as every node can read it.
  std::vector<LayoutFile> model(10, {"f", 700});
  model.push_back({"weights", 100 * MiB});
  CHECK(packing_for(model, 64 * KiB) == Packing::aligned);
  CHECK(packing_for({{"adapter", 2000}}, 64 * KiB) == Packing::aligned);
  CHECK(packing_for({}, 64 * KiB) == Packing::aligned);
}

TEST_CASE("a layout of empty files has no pieces") {
  Layout layout({{"a", 0}, {"b", 0}}, 4);
  CHECK(layout.piece_count() == 0);
  CHECK(layout.total_size() == 0);
  CHECK_THROWS_AS(layout.parts(0), std::out_of_range);
}

TEST_CASE("sizes beyond 32 bits keep their offsets") {
  Layout layout({{"a", 700 * GiB + 3}, {"b", 1}}, 16 * 1024 * 1024);
  CHECK(layout.piece_count() == 44802);
  CHECK(same(layout.parts(44800), 0, 700 * GiB, 3));
  CHECK(same(layout.parts(44801), 1, 0, 1));
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
  CHECK(piece_length_for(0) == 16 * KiB);
  CHECK(piece_length_for(5'000'000) == 16 * KiB);
  CHECK(piece_length_for(8 * MiB + 1) == 32 * KiB);
  CHECK(piece_length_for(24 * MiB + 1) == 64 * KiB);
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
