#include "node/retention.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>

#include "node/process.hpp"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using namespace std::chrono_literals;
using test::must;

namespace {

const WallTime now = must(parse_time("2026-03-01T12:00:00Z"));

ReleaseId id_of(unsigned n) {
  ReleaseId id;
  id.bytes[0] = static_cast<std::uint8_t>(n);
  id.bytes[1] = static_cast<std::uint8_t>(n >> 8);
  return id;
}

HeldRelease held(unsigned n, ByteCount bytes, std::chrono::seconds age) {
  HeldRelease release;
  release.id = id_of(n);
  release.bytes = bytes;
  release.last_used = now - age;
  return release;
}

void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

/// A shelf with one whole release and all that belongs to it.
struct OneRelease {
  OneRelease() {
    put(shelf.release(id) / "deep/weights.bin", "weights");
    put(shelf.journal(id), "journal");
    must(shelf.save_manifest(id, "{}", "torrent"));
  }
  bool anything_left() const {
    return fs::exists(shelf.release(id)) || fs::exists(shelf.journal(id)) || shelf.envelope(id).ok() || shelf.metainfo(id).ok() ||
           trashed() > 0;
  }
  std::size_t trashed() const {
    std::error_code ignored;
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory.path() / "trash", ignored), fs::directory_iterator{}));
  }

  TempDirectory directory;
  Shelf shelf{directory.path()};
  ReleaseId id = id_of(1);
  Reference channel = must(parse_reference("acme/llama:main"));
};

}  // namespace

TEST_CASE("without a quota, what is old enough and not protected goes, the longest unused first") {
  std::vector<HeldRelease> all{held(1, 10, 5h), held(2, 10, 9h), held(3, 10, 1h), held(4, 10, 99h)};
  all[3].active = true;
  CHECK(choose_removals(all, {0, 2h}, now) == std::vector{id_of(2), id_of(1)});
}

TEST_CASE("with a quota, no more goes than has to") {
  const std::vector<HeldRelease> all{held(1, 10, 3h), held(2, 20, 2h), held(3, 30, 1h)};
  CHECK(choose_removals(all, {60, 0s}, now).empty());
  CHECK(choose_removals(all, {59, 0s}, now) == std::vector{id_of(1)});
  CHECK(choose_removals(all, {31, 0s}, now) == std::vector{id_of(1), id_of(2)});
  CHECK(choose_removals(all, {1, 48h}, now).size() == 3);  // the space is wanted, however young they are
}

TEST_CASE("each kind of protection holds, also above the quota") {
  for (bool HeldRelease::*kind : {&HeldRelease::active, &HeldRelease::previous, &HeldRelease::pinned, &HeldRelease::in_use}) {
    HeldRelease release = held(1, 100, 99h);
    release.*kind = true;
    CHECK(choose_removals({release}, {1, 0s}, now).empty());
    CHECK(choose_removals({release}, {0, 0s}, now).empty());
  }
}

TEST_CASE("a clock that was set back removes nothing by age") { CHECK(choose_removals({held(1, 10, -3h)}, {0, 0s}, now).empty()); }

TEST_CASE("whatever is held, what goes is never protected, and the quota is met where that is possible") {
  std::mt19937 random(7);
  auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  for (int round = 0; round < 3000; ++round) {
    std::vector<HeldRelease> all;
    for (unsigned i = pick(12); i > 0; --i) {
      HeldRelease release = held(i, pick(100), std::chrono::hours(pick(50)));
      release.active = pick(5) == 0;
      release.previous = pick(5) == 0;
      release.pinned = pick(5) == 0;
      release.in_use = pick(5) == 0;
      all.push_back(release);
    }
    std::shuffle(all.begin(), all.end(), random);
    const RetentionPolicy policy{pick(3) == 0 ? 0 : pick(600), std::chrono::hours(pick(20))};
    const auto removals = choose_removals(all, policy, now);
    auto goes = [&](const HeldRelease& one) { return std::count(removals.begin(), removals.end(), one.id) == 1; };
    ByteCount kept = 0, kept_free = 0, last = 0;
    for (const HeldRelease& one : all) {
      if (goes(one)) CHECK_FALSE(one.protected_now());
      if (!goes(one)) kept += one.bytes;
      if (!goes(one) && !one.protected_now()) kept_free += one.bytes;
      if (!removals.empty() && one.id == removals.back()) last = one.bytes;
    }
    if (policy.quota > 0) {
      CHECK((kept <= policy.quota || kept_free == 0));
      CHECK((removals.empty() || kept + last > policy.quota));  // the last one was also needed
    }
    if (policy.quota == 0)
      for (const HeldRelease& one : all) CHECK(goes(one) == (!one.protected_now() && now - one.last_used >= policy.min_age));
  }
}

TEST_CASE("a release goes with all that belongs to it, and another stays") {
  OneRelease some;
  put(some.shelf.release(id_of(2)) / "a", "other");
  must(some.shelf.save_manifest(id_of(2), "{}", "torrent"));
  REQUIRE(remove_release(some.shelf, some.id).ok());
  CHECK_FALSE(some.anything_left());
  CHECK(some.shelf.holds(id_of(2)));
  CHECK(some.shelf.envelope(id_of(2)).ok());
  CHECK(remove_release(some.shelf, some.id).ok());  // once more
}

TEST_CASE("a release that a link points at is not removed") {
  OneRelease some;
  must(some.shelf.switch_to(some.channel, some.id));
  Status removed = remove_release(some.shelf, some.id);
  REQUIRE_FALSE(removed.ok());
  CHECK(removed.error().code == ErrorCode::conflict);
  CHECK(fs::exists(some.shelf.link(some.channel) / "deep/weights.bin"));
  must(some.shelf.switch_to(some.channel, id_of(2)));
  CHECK(remove_release(some.shelf, some.id).ok());
}

TEST_CASE("who has a file open reads it to its end after the release went") {
  OneRelease some;
  const UniqueFd reader = must(open_file(some.shelf.release(some.id) / "deep/weights.bin", O_RDONLY));
  REQUIRE(remove_release(some.shelf, some.id).ok());
  char bytes[16];
  CHECK(::read(reader.get(), bytes, sizeof bytes) == 7);
}

TEST_CASE("a removal that was interrupted after the rename is finished at the next start") {
  OneRelease some;
  fs::create_directories(some.directory.path() / "trash");
  fs::rename(some.shelf.release(some.id), some.directory.path() / "trash" / (some.id.hex() + ".0"));
  put(some.directory.path() / "trash/something else", "rubbish");
  REQUIRE(clean_trash(some.shelf).ok());
  CHECK_FALSE(some.anything_left());
  CHECK(clean_trash(some.shelf).ok());
}

// Not a test of its own: the next one runs it in a process that dies in the middle.
TEST_CASE("helper: removes a release from the directory that the environment names" * doctest::skip()) {
  const char* directory = std::getenv("SHOAL_TEST_DIRECTORY");
  REQUIRE(directory != nullptr);
  Shelf shelf{fs::path(directory)};
  (void)remove_release(shelf, id_of(1));
}

TEST_CASE("after kill -9 at any step of a removal the release is whole or gone, and the next start leaves nothing") {
  for (const char* place : {"retention.renamed", "retention.forgotten"}) {
    CAPTURE(place);
    OneRelease some;
    const ProcessRequest helper{{"/proc/self/exe", "--no-skip", "--test-case=helper: removes a release*"},
                                {{"SHOAL_FAILPOINT", place}, {"SHOAL_TEST_DIRECTORY", some.directory.path().string()}},
                                std::chrono::steady_clock::now() + 30s};
    Status died = run_process(helper, {});
    REQUIRE_FALSE(died.ok());
    REQUIRE(died.error().message.find("killed by signal 9") != std::string::npos);
    CHECK_FALSE(some.shelf.holds(some.id));
    CHECK(some.trashed() == 1);
    REQUIRE(clean_trash(some.shelf).ok());
    CHECK_FALSE(some.anything_left());
  }
}

TEST_CASE("cleaning the trash leaves alone what was fetched again since") {
  OneRelease some;
  put(some.directory.path() / "trash" / (some.id.hex() + ".0") / "old", "old");
  REQUIRE(clean_trash(some.shelf).ok());
  CHECK(some.trashed() == 0);
  CHECK(some.shelf.holds(some.id));
  CHECK(some.shelf.envelope(some.id).ok());
  CHECK(fs::exists(some.shelf.journal(some.id)));
}

TEST_CASE("an unwanted fetch goes with its journal, but not with the manifest of a release that is held") {
  OneRelease some;
  put(some.shelf.incoming(some.id) / "part", "part");
  REQUIRE(remove_incoming(some.shelf, some.id).ok());
  CHECK_FALSE(fs::exists(some.shelf.incoming(some.id)));
  CHECK(some.shelf.envelope(some.id).ok());
  fs::rename(some.shelf.release(some.id), some.shelf.incoming(some.id));
  REQUIRE(remove_incoming(some.shelf, some.id).ok());
  CHECK_FALSE(some.anything_left());
}

TEST_CASE("the survey tells size, last use, links and pins") {
  OneRelease some;
  put(some.shelf.release(id_of(2)) / "a", std::string(100'000, 'x'));
  must(some.shelf.switch_to(some.channel, some.id));
  Pins pins(some.directory.path());
  must(pins.pin(id_of(2), "kept for the audit", std::nullopt, now));
  must(mark_used(some.shelf, id_of(2), now - 5h));
  const auto all = must(survey_releases(some.shelf, pins, now));
  REQUIRE(all.size() == 2);
  CHECK((all[0].active && !all[0].pinned));
  CHECK((!all[1].active && all[1].pinned));
  CHECK(all[1].last_used == now - 5h);
  CHECK(all[1].bytes >= 100'000);
}

TEST_CASE("a models directory that cannot be read is no directory without links") {
  OneRelease some;
  put(some.directory.path() / "models", "a file where the directory should be");
  CHECK_FALSE(linked_releases(some.shelf).ok());
  CHECK_FALSE(remove_release(some.shelf, some.id).ok());
  CHECK(some.shelf.holds(some.id));
}
