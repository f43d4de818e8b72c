#include "node/pull_place.hpp"

#include <doctest/doctest.h>

#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using test::must;

namespace {

const ReleaseId id{};

}  // namespace

TEST_CASE("without a directory of the user's a release goes to the shelf, which may hold it already") {
  TempDirectory state;
  const Shelf shelf(state.path());
  const PullPlace place = must(choose_place(shelf, std::nullopt, id));
  CHECK(place.incoming == shelf.incoming(id));
  CHECK(place.target == shelf.release(id));
  CHECK_FALSE(place.present);
  must(make_directories(shelf.release(id)));
  CHECK(must(choose_place(shelf, std::nullopt, id)).present);
}

TEST_CASE("a directory of the user's must be empty or absent, and its parent is made") {
  TempDirectory state, other;
  const Shelf shelf(state.path());
  const fs::path target = other.path() / "deep/model";
  const PullPlace place = must(choose_place(shelf, target / "", id));
  CHECK(place.target == target);
  CHECK(place.incoming == shelf.incoming(id));  // on the same file system: one rename moves it
  CHECK(fs::exists(target.parent_path()));
  must(make_directories(target));
  CHECK(choose_place(shelf, target, id).ok());
  must(write_file_durably(target / "file", "x"));
  auto taken = choose_place(shelf, target, id);
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.error().code == ErrorCode::usage);
}

TEST_CASE("bytes that an earlier run left are not asked for again, and a disk that is too small is named") {
  TempDirectory directory;
  CHECK(check_space(directory.path(), "the/place", {1, 1, 1}).ok());
  const ByteCount free = must(free_space(directory.path()));
  auto full = check_space(directory.path(), "the/place", {free + 1024 * MiB, 1, 1});
  REQUIRE_FALSE(full.ok());
  CHECK(full.error().code == ErrorCode::no_space);
  CHECK(full.error().message.find("the/place") != std::string::npos);
}
