#include "swarm/content_files.hpp"

#include <sys/stat.h>

#include "doctest/doctest.h"
#include "support/published.hpp"

using namespace shoal;

namespace {

const store::Layout layout({{"a/empty", 0}, {"a/full", 4}, {"b", 2}}, 64 * KiB);

void put_all(const fs::path& root) {
  test::put_file(root / "a/empty", "");
  test::put_file(root / "a/full", "abcd");
  test::put_file(root / "b", "xy");
}

}  // namespace

TEST_CASE("a source with every file in its size is fine") {
  TempDirectory dir;
  put_all(dir.path());
  CHECK(swarm::check_source(dir.path(), layout).ok());
}

TEST_CASE("a source with a file that is missing, shorter, longer or no file is refused by name") {
  const std::pair<const char*, void (*)(const fs::path&)> rows[] = {
      {"missing", [](const fs::path& root) { fs::remove(root / "b"); }},
      {"shorter", [](const fs::path& root) { fs::resize_file(root / "b", 1); }},
      {"longer", [](const fs::path& root) { fs::resize_file(root / "b", 3); }},
      {"directory",
       [](const fs::path& root) {
         fs::remove(root / "b");
         fs::create_directory(root / "b");
       }},
  };
  for (const auto& [what, spoil] : rows) {
    CAPTURE(what);
    TempDirectory dir;
    put_all(dir.path());
    spoil(dir.path());
    Status status = swarm::check_source(dir.path(), layout);
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == ErrorCode::verification);
    CHECK(status.error().message.find((dir.path() / "b").string()) != std::string::npos);
  }
}

TEST_CASE("a target gets its directories and empty files, and nothing else") {
  TempDirectory dir;
  const fs::path root = dir.path() / "new/place";
  REQUIRE(swarm::prepare_target(root, layout).ok());
  CHECK(fs::is_regular_file(root / "a/empty"));
  CHECK_FALSE(fs::exists(root / "a/full"));
  CHECK_FALSE(fs::exists(root / "b"));
}

TEST_CASE("a target's files that are too long are cut and others are left alone") {
  TempDirectory dir;
  put_all(dir.path());
  test::put_file(dir.path() / "a/empty", "not empty");
  test::put_file(dir.path() / "b", "xyz and more");
  REQUIRE(swarm::prepare_target(dir.path(), layout).ok());
  CHECK(fs::file_size(dir.path() / "a/empty") == 0);
  CHECK(fs::file_size(dir.path() / "a/full") == 4);
  CHECK(test::must(read_file(dir.path() / "b", 100)) == "xy");
}

TEST_CASE("what stands in a file's place without being a file is refused, and a symlink is not followed") {
  TempDirectory dir;
  test::put_file(dir.path() / "outside", "precious");
  const fs::path root = dir.path() / "root";
  fs::create_directories(root);
  fs::create_symlink(dir.path() / "outside", root / "b");
  CHECK_FALSE(swarm::prepare_target(root, layout).ok());
  CHECK(test::must(read_file(dir.path() / "outside", 100)) == "precious");
  fs::remove(root / "b");
  REQUIRE(::mkfifo((root / "b").c_str(), 0600) == 0);
  CHECK_FALSE(swarm::prepare_target(root, layout).ok());
  fs::remove(root / "b");
  fs::remove_all(root / "a");
  test::put_file(root / "a", "a file where a directory should be");
  CHECK_FALSE(swarm::prepare_target(root, layout).ok());
}
