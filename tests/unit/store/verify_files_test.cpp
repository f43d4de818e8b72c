#include <doctest/doctest.h>

#include <fstream>

#include "store/hash_tree.hpp"
#include "tree.hpp"

namespace shoal::store {
namespace {

using testing::content;
using testing::Tree;

/// A tree of four files and what a release would say about them.
struct Released {
  Released() : layout(write().layout(64 * KiB)) { expected = testing::hash_plainly(tree, layout).files; }

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
    auto problems = verify_files(tree.root(), layout, expected, options);
    REQUIRE(problems.ok());
    return std::move(problems).value();
  }

  Tree tree;
  Layout layout;
  std::vector<Sha256> expected;
};

void check_problem(const std::vector<FileProblem>& problems, std::string_view path, std::string_view problem) {
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].path == path);
  CHECK(problems[0].problem == problem);
}

TEST_CASE("files that are as released have no problem, and others are not looked at") {
  Released released;
  CHECK(released.verify().empty());
  released.tree.write("unlisted", "1");
  CHECK(released.verify().empty());
}

TEST_CASE("a missing file is found") {
  Released released;
  fs::remove(released.tree.root() / "a");
  check_problem(released.verify(), "a", "missing");
}

TEST_CASE("a missing directory is a missing file") {
  Released released;
  fs::remove_all(released.tree.root() / "b");
  SUBCASE("with nothing in its place") {}
  SUBCASE("with a file in its place") { released.tree.write("b", "1"); }
  check_problem(released.verify(), "b/c", "missing");
}

TEST_CASE("a short and a long file are found") {
  Released released;
  fs::resize_file(released.tree.root() / "a", 99);
  check_problem(released.verify(), "a", "is 99 bytes, should be 100");
  fs::resize_file(released.tree.root() / "a", 101);
  check_problem(released.verify(), "a", "is 101 bytes, should be 100");
}

TEST_CASE("bytes in an empty file are found") {
  Released released;
  released.tree.write("d", "1");
  check_problem(released.verify(), "d", "is 1 bytes, should be 0");
}

TEST_CASE("a flipped bit is found, wherever it is") {
  for (std::size_t position : {std::size_t{0}, std::size_t{1 * MiB}, std::size_t{3 * MiB + 6}}) {
    CAPTURE(position);
    Released released;
    std::string bytes = released.tree.read("b/c");
    bytes[position] = static_cast<char>(bytes[position] ^ 1);
    released.tree.write("b/c", bytes);
    check_problem(released.verify(), "b/c", "content differs");
  }
}

TEST_CASE("a symlink in the place of a file is a problem, whatever it points to") {
  Released released;
  fs::rename(released.tree.root() / "a", released.tree.root() / "moved");
  fs::create_symlink("moved", released.tree.root() / "a");
  check_problem(released.verify(), "a", "is not a regular file");
}

TEST_CASE("problems come in the order of the files") {
  Released released;
  fs::remove(released.tree.root() / "a");
  fs::remove(released.tree.root() / "b/c");
  fs::remove(released.tree.root() / "e");
  for (unsigned threads : {1u, 4u}) {
    auto problems = released.verify(threads);
    REQUIRE(problems.size() == 3);
    CHECK(problems[0].path == "a");
    CHECK(problems[1].path == "b/c");
    CHECK(problems[2].path == "e");
  }
}

TEST_CASE("verification ends when it is told to stop") {
  Released released;
  std::stop_source source;
  HashOptions options;
  options.stop = source.get_token();
  options.progress = [&](ByteCount) { source.request_stop(); };
  auto problems = verify_files(released.tree.root(), released.layout, released.expected, options);
  REQUIRE_FALSE(problems.ok());
  CHECK(problems.error().code == ErrorCode::interrupted);
}

TEST_CASE("verification tells its progress up to the total") {
  Released released;
  ByteCount last = 0;
  HashOptions options;
  options.progress = [&](ByteCount done) { last = done; };
  REQUIRE(verify_files(released.tree.root(), released.layout, released.expected, options).ok());
  CHECK(last == released.layout.total_size());
}

TEST_CASE("a number of digests that does not fit the files is an error") {
  Released released;
  released.expected.pop_back();
  CHECK_FALSE(verify_files(released.tree.root(), released.layout, released.expected, {}).ok());
}

}  // namespace
}  // namespace shoal::store
