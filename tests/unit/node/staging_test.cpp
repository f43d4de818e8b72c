#include "node/staging.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

using namespace shoal;
using namespace shoal::node;

namespace {

void put(const fs::path& path, const std::string& content) { std::ofstream(path) << content; }

fs::perms permissions(const fs::path& path) { return fs::status(path).permissions(); }

}  // namespace

TEST_CASE("what is collected is for nobody else until it is shown") {
  TempDirectory place;
  auto staging = Staging::open(place.path() / "in");
  REQUIRE(staging.ok());
  CHECK(permissions(staging->path()) == fs::perms::owner_all);
  put(staging->root() / "a", "bytes");
  const mode_t before = ::umask(027);
  const Status shown = staging->show_at(place.path() / "out");
  ::umask(before);
  REQUIRE(shown.ok());
  CHECK((permissions(place.path() / "out") & fs::perms::mask) == static_cast<fs::perms>(0750));
  CHECK(*read_file(place.path() / "out/a", KiB) == "bytes");
  CHECK(*read_file(staging->root() / "a", KiB) == "bytes");
  CHECK_FALSE(fs::exists(place.path() / "in"));
}

TEST_CASE("what an earlier run collected stays, and only its owner may go on reading it") {
  TempDirectory place;
  fs::create_directory(place.path() / "in");
  put(place.path() / "in/a", "bytes");
  auto staging = Staging::open(place.path() / "in");
  REQUIRE(staging.ok());
  CHECK(staging->path() == place.path() / "in");
  CHECK(*read_file(staging->root() / "a", KiB) == "bytes");
  CHECK(permissions(staging->path()) == fs::perms::owner_all);
}

TEST_CASE("a name that somebody else took is left alone") {
  TempDirectory place, others;
  fs::create_directory_symlink(others.path(), place.path() / "in");
  put(place.path() / "in-2", "a file");
  fs::create_symlink("nowhere", place.path() / "in-3");
  if (::geteuid() == 0) {
    fs::create_directory(place.path() / "in-4");
    REQUIRE(::chown((place.path() / "in-4").c_str(), 65534, 65534) == 0);
  }
  auto staging = Staging::open(place.path() / "in");
  REQUIRE(staging.ok());
  CHECK(staging->path() == place.path() / (::geteuid() == 0 ? "in-5" : "in-4"));
  CHECK(fs::is_empty(others.path()));
}

TEST_CASE("two that fetch into one directory: the second is told") {
  TempDirectory place;
  auto first = Staging::open(place.path() / "in");
  REQUIRE(first.ok());
  auto second = Staging::open(place.path() / "in");
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == ErrorCode::conflict);
  CHECK(second.error().message.find("another shoal") != std::string::npos);
}

TEST_CASE("a directory that was put in the place of ours is never shown") {
  TempDirectory place;
  auto staging = Staging::open(place.path() / "in");
  REQUIRE(staging.ok());
  fs::rename(place.path() / "in", place.path() / "elsewhere");
  SUBCASE("another directory") { fs::create_directory(place.path() / "in"); }
  SUBCASE("a link to ours") { fs::create_directory_symlink("elsewhere", place.path() / "in"); }
  SUBCASE("nothing") {}
  const Status shown = staging->show_at(place.path() / "out");
  CHECK_FALSE(shown.ok());
  CHECK_FALSE(fs::exists(fs::symlink_status(place.path() / "out")));
}

TEST_CASE("what is discarded is gone, and what has its name now is not") {
  TempDirectory place;
  auto staging = Staging::open(place.path() / "in");
  REQUIRE(staging.ok());
  put(staging->root() / "a", "bytes");
  REQUIRE(staging->empty().ok());
  CHECK(fs::is_empty(place.path() / "in"));
  fs::rename(place.path() / "in", place.path() / "elsewhere");
  fs::create_directory(place.path() / "in");
  staging->discard();
  CHECK(fs::exists(place.path() / "in"));
}
