#include "node/destination.hpp"

#include <doctest/doctest.h>

#include "node/pull_place.hpp"
#include "node/staging.hpp"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using test::must;

namespace {

std::string refusal(const Needs& needs, const Room& room) {
  Status checked = check_room(needs, room, "the/place");
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().code == ErrorCode::no_space);
  CHECK(checked.error().message.starts_with("the/place: "));
  return checked.error().message;
}

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("space, file entries, quotas and the largest file are each a reason of their own") {
  const Needs needs{100 * MiB, 50, 60 * MiB};
  CHECK(check_room(needs, {}, "the/place").ok());
  CHECK(says(refusal(needs, {.free = 100 * MiB}), "are free: make room"));
  CHECK(says(refusal(needs, {.free_files = 50}), "inodes"));
  CHECK(says(refusal(needs, {.quota = 99 * MiB}), "the quota leaves"));
  CHECK(says(refusal(needs, {.quota_files = 49}), "the quota leaves 49"));
  CHECK(says(refusal(needs, {.largest = 59 * MiB}), "ulimit -f"));
}

TEST_CASE("a rename is tried between directories, and nothing of the trial stays") {
  TempDirectory directory;
  const fs::path a = directory.path() / "a", b = directory.path() / "b";
  must(make_directories(a));
  must(make_directories(b));
  CHECK(can_rename_between(a, b));
  CHECK(can_rename_between(a, a));
  CHECK_FALSE(can_rename_between(a, directory.path() / "none"));
  CHECK_FALSE(can_rename_between("/proc/self", a));
  CHECK(fs::is_empty(a));
  CHECK(fs::is_empty(b));
  CHECK_FALSE(is_mount_point(a));
  CHECK(is_mount_point("/proc"));
}

TEST_CASE("a link to a directory is that directory, and any other link is refused by its name") {
  TempDirectory state, other;
  const Shelf shelf(state.path());
  const fs::path link = other.path() / "link";
  fs::create_directory_symlink("none", link);
  auto refused = choose_place(shelf, link, ReleaseId{});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::usage);
  CHECK(says(refused.error().message, link.string() + " is a link to none"));
  must(make_directories(other.path() / "none"));
  CHECK(must(choose_place(shelf, link, ReleaseId{})).target == fs::canonical(other.path()) / "none");
}

TEST_CASE("a directory that stays gets the files in one go, and nothing that it has is replaced") {
  TempDirectory directory;
  const fs::path target = directory.path() / "target";
  must(make_directories(target));
  Staging staging = must(Staging::open(target / ".shoal-1"));
  must(make_directories(staging.root() / "deep"));
  must(write_file_durably(staging.root() / "deep/a", "1"));
  must(write_file_durably(staging.root() / "b", "2"));
  must(staging.show_in(target));
  CHECK(must(read_file(target / "deep/a", 10)) == "1");
  CHECK_FALSE(fs::exists(target / ".shoal-1"));
  Staging again = must(Staging::open(target / ".shoal-1"));
  must(write_file_durably(again.root() / "b", "3"));
  CHECK_FALSE(again.show_in(target).ok());
  CHECK(must(read_file(target / "b", 10)) == "2");
  CHECK(again.named(fail("x " + (again.root() / "b").string() + " y " + again.root().string()), target).message ==
        "x " + (target / "b").string() + " y " + target.string());
}
