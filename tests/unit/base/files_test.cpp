#include "base/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "doctest/doctest.h"
#include "support/few_descriptors.hpp"

using namespace shoal;

namespace {

std::size_t entries(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

}  // namespace

TEST_CASE("a durable write replaces the content and leaves nothing beside it") {
  TempDirectory directory;
  fs::path path = directory.path() / "file";
  REQUIRE(write_file_durably(path, "one").ok());
  REQUIRE(write_file_durably(path, "two").ok());
  CHECK(read_file(path, KiB).value() == "two");
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("a secret is readable by its owner alone") {
  TempDirectory directory;
  REQUIRE(write_file_durably(directory.path() / "key", "secret", Access::owner).ok());
  CHECK(mode_of(directory.path() / "key") == 0600);
  REQUIRE(create_file_durably(directory.path() / "new", "secret", Access::owner).ok());
  CHECK(mode_of(directory.path() / "new") == 0600);
}

TEST_CASE("readers see the old content or the new, never a mixture") {
  TempDirectory directory;
  fs::path path = directory.path() / "file";
  REQUIRE(write_file_durably(path, std::string(100'000, 'a')).ok());
  std::jthread writer([&] {
    for (int i = 0; i < 20; ++i) CHECK(write_file_durably(path, std::string(100'000, i % 2 == 0 ? 'b' : 'a')).ok());
  });
  for (int i = 0; i < 100; ++i) {
    std::string content = read_file(path, MiB).value();
    CHECK(content.size() == 100'000);
    CHECK(content.front() == content.back());
  }
}

TEST_CASE("a write into a directory that is missing fails, names the path and leaves nothing") {
  TempDirectory directory;
  Status status = write_file_durably(directory.path() / "no" / "file", "x");
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::not_found);
  CHECK(status.error().message.find("/no/") != std::string::npos);
  CHECK(entries(directory.path()) == 0);
}

TEST_CASE("a write that cannot replace its target removes its temporary file") {
  TempDirectory directory;
  REQUIRE(make_directories(directory.path() / "taken").ok());
  CHECK_FALSE(write_file_durably(directory.path() / "taken", "x").ok());
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("creating a file that exists is a conflict, and one of many racers wins") {
  TempDirectory directory;
  fs::path path = directory.path() / "file";
  std::atomic<int> wins = 0, conflicts = 0;
  {
    std::vector<std::jthread> racers;
    for (int i = 0; i < 8; ++i)
      racers.emplace_back([&, i] {
        Status status = create_file_durably(path, "racer " + std::to_string(i));
        if (status.ok()) ++wins;
        else if (status.error().code == ErrorCode::conflict) ++conflicts;
      });
  }
  CHECK(wins == 1);
  CHECK(conflicts == 7);
  CHECK(entries(directory.path()) == 1);
  CHECK(read_file(path, KiB).value().starts_with("racer "));
}

TEST_CASE("a file beyond the limit is refused, one at the limit is read") {
  TempDirectory directory;
  fs::path path = directory.path() / "file";
  REQUIRE(write_file_durably(path, std::string(100, 'x')).ok());
  CHECK(read_file(path, 100).value().size() == 100);
  CHECK_FALSE(read_file(path, 99).ok());
  CHECK(read_file(directory.path() / "none", 1).error().code == ErrorCode::not_found);
  CHECK_FALSE(read_file(directory.path(), KiB).ok());
  CHECK(read_file("/dev/zero", KiB).error().message.find("larger than") != std::string::npos);
}

TEST_CASE("a link is switched in one step and points where it was told") {
  TempDirectory directory;
  fs::path link = directory.path() / "current";
  REQUIRE(switch_link("releases/one", link).ok());
  CHECK(fs::read_symlink(link) == "releases/one");
  REQUIRE(switch_link("../two", link).ok());
  CHECK(fs::read_symlink(link) == "../two");
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("a link never goes missing while it is switched") {
  TempDirectory directory;
  fs::path link = directory.path() / "current";
  REQUIRE(switch_link("a", link).ok());
  std::jthread switcher([&] {
    for (int i = 0; i < 50; ++i) CHECK(switch_link(i % 2 == 0 ? "b" : "a", link).ok());
  });
  for (int i = 0; i < 500; ++i) {
    std::error_code error;
    fs::path target = fs::read_symlink(link, error);
    CHECK_FALSE(error);
    CHECK((target == "a" || target == "b"));
  }
}

TEST_CASE("a link does not replace a directory") {
  TempDirectory directory;
  REQUIRE(make_directories(directory.path() / "real" / "content").ok());
  CHECK_FALSE(switch_link("elsewhere", directory.path() / "real").ok());
  CHECK(fs::is_directory(directory.path() / "real" / "content"));
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("directories are made with their parents, and making them again is fine") {
  TempDirectory directory;
  fs::path path = directory.path() / "a" / "b" / "c";
  CHECK(make_directories(path, 0700).ok());
  CHECK(make_directories(path, 0700).ok());
  CHECK(mode_of(path) == 0700);
  REQUIRE(write_file_durably(directory.path() / "file", "x").ok());
  CHECK_FALSE(make_directories(directory.path() / "file").ok());
  CHECK_FALSE(make_directories(directory.path() / "file" / "below").ok());
}

TEST_CASE("a durable rename moves a file between directories") {
  TempDirectory directory;
  REQUIRE(make_directories(directory.path() / "a").ok());
  REQUIRE(make_directories(directory.path() / "b").ok());
  REQUIRE(write_file_durably(directory.path() / "a" / "x", "content").ok());
  REQUIRE(rename_durably(directory.path() / "a" / "x", directory.path() / "b" / "y").ok());
  CHECK(read_file(directory.path() / "b" / "y", KiB).value() == "content");
  CHECK_FALSE(rename_durably(directory.path() / "a" / "x", directory.path() / "b" / "z").ok());
}

TEST_CASE("removing a tree follows no links and does not mind what is gone") {
  TempDirectory directory;
  REQUIRE(make_directories(directory.path() / "tree" / "sub").ok());
  REQUIRE(write_file_durably(directory.path() / "kept", "x").ok());
  fs::create_symlink(directory.path() / "kept", directory.path() / "tree" / "link");
  CHECK(remove_tree(directory.path() / "tree").ok());
  CHECK(remove_tree(directory.path() / "tree").ok());
  CHECK(fs::exists(directory.path() / "kept"));
}

TEST_CASE("a tree of any depth is walked and removed with a handful of descriptors") {
  TempDirectory directory;
  fs::path deepest = directory.path() / "tree";
  for (int level = 0; level < 1000; ++level) deepest /= "d";
  REQUIRE(make_directories(deepest).ok());
  REQUIRE(write_file_durably(deepest / "file", "x").ok());
  const test::FewDescriptors few(32);
  int directories = 0, files = 0;
  Status walked = walk_tree(directory.path() / "tree", [&](const fs::directory_entry& entry) -> Status {
    ++(entry.is_directory() ? directories : files);
    return {};
  });
  CHECK(walked.ok());
  CHECK(directories == 1000);
  CHECK(files == 1);
  CHECK(remove_tree(directory.path() / "tree").ok());
  CHECK(entries(directory.path()) == 0);
}

TEST_CASE("a walk follows no links, ends where a visit fails, and says what is not there") {
  TempDirectory directory;
  REQUIRE(make_directories(directory.path() / "a" / "b").ok());
  REQUIRE(write_file_durably(directory.path() / "a" / "b" / "file", "x").ok());
  REQUIRE(switch_link(directory.path() / "a", directory.path() / "link").ok());
  int seen = 0;
  CHECK(walk_tree(directory.path(), [&](const fs::directory_entry&) -> Status {
          ++seen;
          return {};
        }).ok());
  CHECK(seen == 4);
  CHECK(walk_tree(directory.path(), [](const fs::directory_entry&) -> Status { return fail("enough"); }).error().message == "enough");
  CHECK(walk_tree(directory.path() / "none", [](const fs::directory_entry&) { return Status(); }).error().code == ErrorCode::not_found);
}

TEST_CASE("a descriptor is closed once, and moves") {
  UniqueFd first = open_file("/dev/null", O_RDONLY).value();
  int number = first.get();
  UniqueFd second = std::move(first);
  CHECK_FALSE(first);
  CHECK(second.get() == number);
  CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
  second.reset();
  CHECK(::fcntl(number, F_GETFD) == -1);
}

TEST_CASE("a temporary directory goes with everything in it") {
  fs::path path;
  {
    TempDirectory directory;
    path = directory.path();
    REQUIRE(make_directories(path / "sub").ok());
    CHECK(mode_of(path) == 0700);
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("free space is known for what exists") {
  TempDirectory directory;
  CHECK(free_space(directory.path()).ok());
  CHECK_FALSE(free_space(directory.path() / "none").ok());
}
