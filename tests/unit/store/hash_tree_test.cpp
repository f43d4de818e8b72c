#include "store/hash_tree.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "other_user.hpp"
#include "tree.hpp"

namespace shoal::store {
namespace {

using testing::content;
using testing::Tree;

void check_equal(const TreeHashes& got, const TreeHashes& expected) {
  REQUIRE(got.files.size() == expected.files.size());
  REQUIRE(got.pieces.size() == expected.pieces.size());
  for (std::size_t i = 0; i < got.files.size(); ++i) {
    CAPTURE(i);
    CHECK(got.files[i] == expected.files[i]);
  }
  for (std::size_t i = 0; i < got.pieces.size(); ++i) {
    CAPTURE(i);
    CHECK(got.pieces[i].sha1 == expected.pieces[i].sha1);
    CHECK(got.pieces[i].sha256 == expected.pieces[i].sha256);
    CHECK(got.pieces[i].after == expected.pieces[i].after);
  }
}

void check_against_plain_hashing(const Tree& tree, std::uint32_t piece_length, unsigned threads) {
  CAPTURE(piece_length);
  CAPTURE(threads);
  for (const Packing packing : {Packing::aligned, Packing::packed}) {
    CAPTURE(static_cast<int>(packing));
    Layout layout = tree.layout(piece_length, packing);
    HashOptions options;
    options.threads = threads;
    ByteCount last = 0;
    options.progress = [&](ByteCount done) { last = done; };
    auto hashes = hash_tree(tree.root(), layout, options);
    if (!hashes.ok()) FAIL(hashes.error().message);
    check_equal(hashes.value(), testing::hash_plainly(tree, layout));
    CHECK(last == layout.total_size());
  }
}

TEST_CASE("a known file has its known hashes") {
  Tree tree;
  tree.write("abc", "abc");
  auto hashes = hash_tree(tree.root(), tree.layout(16 * KiB), {});
  REQUIRE(hashes.ok());
  // FIPS 180-4 examples; the last piece of a torrent has no padding.
  constexpr auto sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(hashes.value().files.at(0).hex() == sha256_of_abc);
  CHECK(hashes.value().pieces.at(0).sha256.hex() == sha256_of_abc);
  CHECK(hashes.value().pieces.at(0).sha1.hex() == "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST_CASE("files around the length of a piece hash as they do one by one") {
  constexpr std::size_t piece = 64 * KiB;
  Tree tree;
  unsigned seed = 0;
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, piece - 1, piece, piece + 1, 5 * piece, 7 * piece + 123})
    tree.write("size-" + std::to_string(size), content(size, ++seed));
  for (unsigned threads : {1u, 2u, 7u}) check_against_plain_hashing(tree, piece, threads);
}

TEST_CASE("files of many chunks hash as they do one by one") {
  Tree tree;
  tree.write("a", content(23 * MiB + 5, 1));
  tree.write("b/c", content(9 * MiB, 2));
  tree.write("d", content(100, 3));
  SUBCASE("with small pieces") { check_against_plain_hashing(tree, 64 * KiB, 4); }
  SUBCASE("with pieces of a chunk") { check_against_plain_hashing(tree, 4 * MiB, 4); }
  SUBCASE("with pieces larger than a usual chunk") { check_against_plain_hashing(tree, 16 * MiB, 4); }
  SUBCASE("on one thread") { check_against_plain_hashing(tree, 64 * KiB, 1); }
}

TEST_CASE("many small files hash as they do one by one") {
  Tree tree;
  for (unsigned i = 0; i < 500; ++i) tree.write("d" + std::to_string(i % 7) + "/f" + std::to_string(i), content(i * 37 % 2000, i));
  check_against_plain_hashing(tree, 16 * KiB, 8);
}

TEST_CASE("the last piece has no padding, also with empty files behind it") {
  Tree tree;
  tree.write("a", content(10, 1));
  tree.write("z-empty", "");
  auto hashes = hash_tree(tree.root(), tree.layout(16 * KiB), {});
  REQUIRE(hashes.ok());
  CHECK(hashes.value().pieces.at(0).sha1 == crypto::sha1(content(10, 1)));
}

TEST_CASE("empty files hash without a piece") {
  Tree tree;
  tree.write("a", "");
  tree.write("b", "");
  auto hashes = hash_tree(tree.root(), tree.layout(16 * KiB), {});
  REQUIRE(hashes.ok());
  CHECK(hashes.value().pieces.empty());
  CHECK(hashes.value().files == std::vector<Sha256>(2, crypto::sha256("")));
}

TEST_CASE("progress rises to the total and is told by one thread at a time") {
  Tree tree;
  for (unsigned i = 0; i < 8; ++i) tree.write("f" + std::to_string(i), content(5 * MiB + i, i));
  Layout layout = tree.layout(64 * KiB);
  std::atomic<int> inside{0};
  ByteCount last = 0;
  bool risen = true;
  HashOptions options;
  options.threads = 4;
  options.progress = [&](ByteCount done) {
    if (++inside != 1) risen = false;
    if (done < last) risen = false;
    last = done;
    --inside;
  };
  REQUIRE(hash_tree(tree.root(), layout, options).ok());
  CHECK(risen);
  CHECK(last == layout.total_size());
}

/// Hashes two files and calls `change` once, in the middle.
Error hash_while(const Tree& tree, const std::function<void()>& change) {
  Layout layout = tree.layout(64 * KiB);
  bool changed = false;
  HashOptions options;
  options.progress = [&](ByteCount) {
    if (!std::exchange(changed, true)) change();
  };
  auto hashes = hash_tree(tree.root(), layout, options);
  REQUIRE(changed);
  REQUIRE_FALSE(hashes.ok());
  return hashes.error();
}

TEST_CASE("a file that changes while it is hashed is named") {
  Tree tree;
  tree.write("a.safetensors", content(9 * MiB, 1));
  tree.write("b.safetensors", content(9 * MiB, 2));
  // Times of files move in steps of milliseconds; an old file shows every write.
  for (const char* name : {"a.safetensors", "b.safetensors"})
    fs::last_write_time(tree.root() / name, fs::file_time_type::clock::now() - std::chrono::hours(1));
  fs::path victim = tree.root() / "a.safetensors";
  auto old_time = fs::last_write_time(victim);
  Error error;
  SUBCASE("by a write in place") {
    error = hash_while(tree, [&] { std::fstream(victim, std::ios::in | std::ios::out | std::ios::binary) << 'x'; });
  }
  SUBCASE("by an append") {
    error = hash_while(tree, [&] { std::ofstream(victim, std::ios::app) << 'x'; });
  }
  SUBCASE("by being cut short") {
    error = hash_while(tree, [&] { fs::resize_file(victim, 1000); });
  }
  SUBCASE("by removal") {
    error = hash_while(tree, [&] { fs::remove(victim); });
  }
  SUBCASE("by another file in its place, with the same size and time") {
    error = hash_while(tree, [&] {
      std::ofstream(tree.root() / "other", std::ios::binary) << content(9 * MiB, 3);
      fs::last_write_time(tree.root() / "other", old_time);
      fs::rename(tree.root() / "other", victim);
    });
  }
  SUBCASE("by a symlink in its place") {
    error = hash_while(tree, [&] {
      fs::rename(victim, tree.root() / "moved");
      fs::create_symlink("moved", victim);
    });
  }
  CHECK(error.message.find("a.safetensors changed while it was hashed") != std::string::npos);
}

TEST_CASE("a file that changed between listing and hashing is named") {
  Tree tree;
  tree.write("a", "1234");
  Layout layout = tree.layout(16 * KiB);
  tree.write("a", "12345");
  auto hashes = hash_tree(tree.root(), layout, {});
  REQUIRE_FALSE(hashes.ok());
  CHECK(hashes.error().message.find("/a changed while it was hashed") != std::string::npos);
}

TEST_CASE("a file that may not be read is a usage error that names it") {
  Tree tree;
  tree.write("open", "1234");
  tree.write("secret", "1234");
  Layout layout = tree.layout(16 * KiB);
  fs::permissions(tree.root(), fs::perms::all);
  fs::permissions(tree.root() / "secret", fs::perms::none);
  testing::OtherUser other;
  if (std::ifstream(tree.root() / "secret").is_open()) {
    MESSAGE("skipped: file permissions do not bind this process");
    return;
  }
  auto hashes = hash_tree(tree.root(), layout, {});
  REQUIRE_FALSE(hashes.ok());
  CHECK(hashes.error().code == ErrorCode::usage);
  CHECK(hashes.error().message.find("secret") != std::string::npos);
}

TEST_CASE("hashing ends when it is told to stop") {
  Tree tree;
  tree.write("a", content(20 * MiB, 1));
  std::stop_source source;
  HashOptions options;
  options.stop = source.get_token();
  ByteCount done_at_stop = 0;
  options.progress = [&](ByteCount done) {
    if (!source.stop_requested()) done_at_stop = done;
    source.request_stop();
  };
  auto hashes = hash_tree(tree.root(), tree.layout(64 * KiB), options);
  REQUIRE_FALSE(hashes.ok());
  CHECK(hashes.error().code == ErrorCode::interrupted);
  CHECK(done_at_stop < 20 * MiB);
}

}  // namespace
}  // namespace shoal::store
