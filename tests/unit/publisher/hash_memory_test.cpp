#include "publisher/hash_memory.hpp"

#include <doctest/doctest.h>

#include "store/read_rate.hpp"
#include "support/publishing_machine.hpp"

namespace shoal::publisher {
namespace {

using testing::write;

/// Three files, hashed with a memory; counts what is read.
struct Tree {
  Tree() {
    write(root() / "a", std::string(200'000, 'a'));
    write(root() / "b", "b");
    write(root() / "c", std::string(70'000, 'c'));
    layout.emplace(test::must(store::list_tree(root())), 64 * 1024);
  }
  fs::path root() const { return source.path(); }

  store::TreeHashes hash() {
    read.clear();
    HashMemory memory(state.path(), root(), *layout);
    std::mutex mutex;
    store::HashOptions options;
    options.known = [&](std::uint32_t file, const store::FileStamp& stamp) { return memory.find(file, stamp); };
    options.learned = [&](std::uint32_t file, const store::FileStamp& stamp, const store::FileHashes& hashes) {
      memory.add(file, stamp, hashes);
      std::lock_guard lock(mutex);
      read.insert(layout->files()[file].path);
    };
    options.progress = [this](ByteCount done) { progress = done; };
    return test::must(store::hash_tree(root(), *layout, options));
  }
  fs::path memory_file() const { return fs::directory_iterator(state.path() / "hashing")->path(); }

  TempDirectory source, state;
  std::optional<store::Layout> layout;
  std::set<std::string> read;
  ByteCount progress = 0;
};

void check_same(const store::TreeHashes& a, const store::TreeHashes& b) {
  CHECK(a.files == b.files);
  REQUIRE(a.pieces.size() == b.pieces.size());
  for (std::size_t i = 0; i < a.pieces.size(); ++i) {
    CHECK(a.pieces[i].sha1 == b.pieces[i].sha1);
    CHECK(a.pieces[i].sha256 == b.pieces[i].sha256);
    CHECK(a.pieces[i].fingerprint == b.pieces[i].fingerprint);
  }
}

TEST_CASE("what was hashed once is not read again, and the hashes are the same") {
  Tree tree;
  auto first = tree.hash();
  CHECK(tree.read == std::set<std::string>{"a", "b", "c"});
  check_same(first, tree.hash());
  CHECK(tree.read.empty());
  CHECK(tree.progress == 270'001);
}

TEST_CASE("hashing goes on where it stopped: a line that a crash cut is read again, the others are not") {
  Tree tree;
  auto first = tree.hash();
  const fs::path file = tree.memory_file();
  fs::resize_file(file, fs::file_size(file) - 10);
  check_same(first, tree.hash());
  CHECK(tree.read.size() == 1);
  check_same(first, tree.hash());
  CHECK(tree.read.empty());
}

TEST_CASE("a file that was written or replaced is read again") {
  Tree tree;
  tree.hash();
  fs::last_write_time(tree.root() / "a", fs::last_write_time(tree.root() / "a") + std::chrono::seconds(2));
  const auto time = fs::last_write_time(tree.root() / "c");
  write(tree.root() / "new", std::string(70'000, 'd'));
  fs::rename(tree.root() / "new", tree.root() / "c");
  fs::last_write_time(tree.root() / "c", time);
  tree.hash();
  CHECK(tree.read == std::set<std::string>{"a", "c"});
}

TEST_CASE("hashes of other piece lengths, and of a file that is not last any more, do not count") {
  Tree tree;
  tree.hash();
  write(tree.root() / "d", "d");
  tree.layout.emplace(test::must(store::list_tree(tree.root())), 64 * 1024);
  tree.hash();
  CHECK(tree.read == std::set<std::string>{"c", "d"});
  tree.layout.emplace(test::must(store::list_tree(tree.root())), 32 * 1024);
  tree.hash();
  CHECK(tree.read.size() == 4);
}

TEST_CASE("a memory that is damaged costs time and nothing else") {
  Tree tree;
  auto first = tree.hash();
  std::string text = test::must(read_file(tree.memory_file(), MiB));
  text[text.find("hashes\":\"") + 20] ^= 1;
  write(tree.memory_file(), text);
  check_same(first, tree.hash());
  CHECK(tree.read.size() == 1);
  HashMemory::forget(tree.state.path(), tree.root());
  check_same(first, tree.hash());
  CHECK(tree.read.size() == 3);
}

TEST_CASE("a read rate lets every reader wait for the bytes before it") {
  store::ReadRate rate(1000);
  const SteadyTime start{};
  CHECK(rate.reserve(500, start) == std::chrono::milliseconds(0));
  CHECK(rate.reserve(1000, start) == std::chrono::milliseconds(500));
  CHECK(rate.reserve(1, start + std::chrono::milliseconds(1000)) == std::chrono::milliseconds(500));
  CHECK(rate.reserve(1, start + std::chrono::seconds(60)) == std::chrono::milliseconds(0));
  store::ReadRate unlimited(0);
  for (int i = 0; i < 3; ++i) CHECK(unlimited.reserve(GiB, start) == std::chrono::milliseconds(0));
}

}  // namespace
}  // namespace shoal::publisher
