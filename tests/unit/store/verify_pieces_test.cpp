#include <doctest/doctest.h>

#include "store/hash_tree.hpp"
#include "tree.hpp"

namespace shoal::store {
namespace {

using testing::content;
using testing::Tree;

struct Released {
  explicit Released(Packing packing = Packing::aligned) : layout(write().layout(64 * KiB, packing)) {
    const TreeHashes hashes = testing::hash_plainly(tree, layout);
    files = hashes.files;
    for (const auto& piece : hashes.pieces) pieces.push_back(piece.sha256);
  }

  const Tree& write() {
    tree.write("a", content(100, 1));
    tree.write("b/c", content(3 * MiB + 7, 2));
    tree.write("d", "");
    tree.write("e", content(64 * KiB, 3));
    return tree;
  }
  std::vector<FileProblem> verify(unsigned threads = 0) {
    HashOptions options;
    options.threads = threads;
    auto problems = verify_pieces(tree.root(), layout, pieces, files, std::nullopt, options);
    REQUIRE(problems.ok());
    return std::move(problems).value();
  }
  void flip(const std::string& path, std::size_t position) {
    std::string bytes = tree.read(path);
    bytes[position] = static_cast<char>(bytes[position] ^ 1);
    tree.write(path, bytes);
  }

  Tree tree;
  Layout layout;
  std::vector<Sha256> files, pieces;
};

TEST_CASE("pieces that are as released have no problem") { CHECK(Released().verify().empty()); }

TEST_CASE("a flipped bit names its file and its piece") {
  const std::vector<std::pair<std::size_t, std::uint32_t>> places{{0, 1}, {1 * MiB - 1, 16}, {1 * MiB, 17}, {3 * MiB + 6, 49}};
  for (const auto& [position, piece] : places) {
    CAPTURE(position);
    Released released;
    released.flip("b/c", position);
    const auto problems = released.verify();
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == "b/c");
    CHECK(problems[0].problem == "content differs");
    CHECK(problems[0].pieces == std::vector<std::uint32_t>{piece});
  }
}

TEST_CASE("several pieces of several files come in order, however many threads look") {
  for (unsigned threads : {1U, 4U}) {
    Released released;
    for (std::size_t piece : {40U, 3U, 17U}) released.flip("b/c", piece * 64 * KiB + 5);
    released.flip("e", 1);
    const auto problems = released.verify(threads);
    REQUIRE(problems.size() == 2);
    CHECK(problems[0].pieces == std::vector<std::uint32_t>{4, 18, 41});
    CHECK(problems[1].path == "e");
    CHECK(problems[1].pieces == std::vector<std::uint32_t>{50});
  }
}

TEST_CASE("what shows without reading is told as the check of whole files tells it") {
  Released released;
  fs::remove(released.tree.root() / "a");
  fs::resize_file(released.tree.root() / "b/c", 10);
  released.tree.write("d", "1");
  const auto by_pieces = released.verify();
  const auto by_files = verify_files(released.tree.root(), released.layout, released.files, {}).value();
  REQUIRE(by_pieces.size() == 3);
  REQUIRE(by_files.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(by_pieces[i].path == by_files[i].path);
    CHECK(by_pieces[i].problem == by_files[i].problem);
    CHECK(by_pieces[i].pieces.empty());
  }
}

TEST_CASE("a check of pieces tells its progress up to the total, and ends when it is told to stop") {
  Released released;
  ByteCount last = 0;
  std::stop_source source;
  HashOptions options;
  options.progress = [&](ByteCount done) { last = done; };
  REQUIRE(verify_pieces(released.tree.root(), released.layout, released.pieces, released.files, std::nullopt, options).ok());
  CHECK(last == released.layout.total_size());
  options.stop = source.get_token();
  options.progress = [&](ByteCount) { source.request_stop(); };
  const auto stopped = verify_pieces(released.tree.root(), released.layout, released.pieces, released.files, std::nullopt, options);
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().code == ErrorCode::interrupted);
}

TEST_CASE("a number of digests that does not fit the pieces is an error") {
  Released released;
  released.pieces.pop_back();
  CHECK_FALSE(verify_pieces(released.tree.root(), released.layout, released.pieces, released.files, std::nullopt, {}).ok());
}

}  // namespace
}  // namespace shoal::store
