// How many descriptors contents take, and that what is closed early is as durable as what is not.
#include <doctest/doctest.h>

#include <algorithm>
#include <system_error>

#include "fault_lab.hpp"

namespace shoal::store {
namespace {

using namespace testing;
using test::Op;

/// Files and directories below `directory` that this process has open.
std::vector<std::string> open_below(const fs::path& directory) {
  std::vector<std::string> open;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const fs::path target = fs::read_symlink(entry.path(), gone);
    if (!gone && target.string().starts_with(directory.string() + "/")) open.push_back(target.string());
  }
  return open;
}

Sample many_files(unsigned count) {
  std::vector<LayoutFile> files;
  for (unsigned i = 0; i < count; ++i) files.push_back({"f" + std::to_string(1000 + i), 1000 + i});
  return Sample(std::move(files), 16 * KiB);
}

StoreOptions frugal(std::size_t open_files) {
  StoreOptions options = small_store();
  options.open_files = open_files;
  return options;
}

void put(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  test::must(write_file_durably(path, bytes));
}

/// A store over a real directory.
struct Place {
  explicit Place(Sample of, const StoreOptions& options = small_store()) : sample(std::move(of)), store(files, options) {
    fs::create_directories(root());
    fs::create_directories(directory.path() / "journals");
  }
  fs::path root(const std::string& name = "root") const { return directory.path() / name; }
  NewContent spec(const std::string& name = "root") const {
    NewContent content = sample.spec(root(name), ContentAccess::update);
    content.journal = directory.path() / "journals" / name;
    return content;
  }
  TempDirectory directory;
  PosixFiles files;
  const Sample sample;
  PieceStore store;
};

}  // namespace

TEST_CASE("a content of many files keeps as few open as it may, while it comes and while it is read") {
  Place place(many_files(300), frugal(8));
  const ContentId id = test::must(place.store.add(place.spec())).id;
  std::size_t most = 0;
  for (std::uint32_t i = 0; i < place.sample.layout.piece_count(); ++i) {
    fetch(place.store, id, place.sample, i);
    most = std::max(most, place.store.open_files());
  }
  CHECK(most <= 8);
  REQUIRE(flush(place.store, id).ok());
  CHECK(place.store.facts(id).durable == 300);
  for (std::uint32_t i = 0; i < place.sample.layout.piece_count(); ++i)
    CHECK(test::must(read(place.store, id, i, 0, 1000)) == place.sample.piece(i).substr(0, 1000));
  CHECK(place.store.open_files() <= 8);
}

TEST_CASE("a content that is whole and durable keeps no file and no journal open") {
  // Also files that are written around the page cache.
  Place place(Sample({{"dir/large", 3 * MiB}, {"small", 10}}, 256 * KiB));
  const ContentId id = test::must(place.store.add(place.spec())).id;
  fetch_all(place.store, id, place.sample);
  // Nobody calls: the store's own thread finds that there is nothing left to do.
  CHECK(eventually([&] { return open_below(place.directory.path()) == std::vector{place.root().string()}; }));
  CHECK(place.store.facts(id).durable == place.sample.layout.piece_count());
}

TEST_CASE("a fetch of which nothing arrives and a source that nobody asks give their files back") {
  StoreOptions options = small_store();
  options.close_after = std::chrono::milliseconds(50);
  Place place(many_files(20), options);
  const ContentId id = test::must(place.store.add(place.spec())).id;
  for (std::uint32_t i = 0; i < 10; ++i) fetch(place.store, id, place.sample, i);
  CHECK(eventually([&] { return open_below(place.directory.path()).size() == 1; }));
  // It goes on as if nothing had been closed, and what is read is closed, too.
  fetch(place.store, id, place.sample, 10);
  CHECK(read(place.store, id, 3, 0, 100).ok());
  CHECK(eventually([&] { return open_below(place.directory.path()).size() == 1; }));
}

TEST_CASE("unfinished pieces that were set down on the disk keep no file open either") {
  StoreOptions options = small_store(4 * MiB);
  options.close_after = std::chrono::milliseconds(20);
  Lab lab(Sample({{"f", 16 * MiB}}, 256 * KiB));
  lab.start(ContentAccess::update, options);
  const auto put_block = [&](std::uint32_t piece) { return lab.store->write(lab.id, piece, 0, lab.sample.piece(piece).substr(0, block)); };
  for (std::uint32_t piece = 0; piece < 20; ++piece) (void)put_block(piece);
  REQUIRE(eventually([&] { return lab.files.counts().writes > 1; }));
  CHECK(eventually([&] { return lab.store->open_files() == 1; }));
}

TEST_CASE("older contents are open only while something is copied from them") {
  const Sample old = many_files(3);
  Place place(many_files(3));
  NewContent spec = place.spec();
  for (int i = 0; i < 50; ++i) {
    const std::string name = "old" + std::to_string(i);
    for (std::size_t f = 0; f < old.bytes.size(); ++f) put(place.root(name) / old.layout.files()[f].path, old.bytes[f]);
    spec.older.push_back({old.layout, old.pieces, place.root(name)});
  }
  const ContentId id = test::must(place.store.add(spec)).id;
  CHECK(open_below(place.directory.path()).size() <= 1);
  for (std::uint32_t i = 0; i < 3; ++i) CHECK(test::must(complete(place.store, id, i)) == Verdict::verified);
  CHECK(eventually([&] { return open_below(place.directory.path()).size() <= 2; }));  // the two roots
}

TEST_CASE("a thousand contents share the budget, and each is read when it is asked for") {
  Place place(many_files(1), frugal(16));
  std::vector<ContentId> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "root" + std::to_string(i);
    put(place.root(name) / place.sample.layout.files()[0].path, place.sample.bytes[0]);
    ids.push_back(test::must(place.store.add(place.sample.spec(place.root(name), ContentAccess::read_only))).id);
  }
  for (const ContentId id : ids) REQUIRE(read(place.store, id, 0, 0, 1000).ok());
  CHECK(open_below(place.directory.path()).size() <= 16);
}

TEST_CASE("a directory is found again under its new name, and another one in its place is not taken for it") {
  Place place(many_files(4), frugal(1));
  NewContent spec = place.spec();
  spec.moves_to = place.root("moved");
  const ContentId id = test::must(place.store.add(spec)).id;
  fetch(place.store, id, place.sample, 0);
  fetch(place.store, id, place.sample, 1);
  fs::rename(place.root(), place.root("moved"));
  fetch(place.store, id, place.sample, 2);
  CHECK(test::must(read(place.store, id, 0, 0, 1000)) == place.sample.piece(0).substr(0, 1000));
  // Somebody puts another directory where it was: nothing of it is served, and nothing is written there.
  put(place.root() / "f1001", std::string(1001, 'x'));
  CHECK(test::must(read(place.store, id, 1, 0, 1000)) == place.sample.piece(1).substr(0, 1000));
  fs::rename(place.root("moved"), place.root("somewhere else"));
  REQUIRE(place.store.write(id, 3, 0, place.sample.piece(3)) == PieceStore::Taken::yes);
  place.store.complete(id, 3, [](const Result<Verdict>&) {});
  CHECK(eventually([&] { return place.store.facts(id).problem.find("is not the directory any more that it was") != std::string::npos; }));
  CHECK_FALSE(fs::exists(place.root() / "f1003"));
}

TEST_CASE("a dirty file that has to go is synced first, and one whose sync fails is not believed") {
  for (const bool fails : {false, true}) {
    CAPTURE(fails);
    Lab lab(many_files(40));
    StoreOptions options = frugal(2);
    options.sync_interval = std::chrono::hours(1);  // all syncs but the last are those of files that have to go
    lab.start(ContentAccess::update, options);
    auto times = std::make_shared<std::atomic<int>>(1);
    if (fails) lab.files.set_fault(errno_for(Op::sync, EIO, times));
    fetch_all(*lab.store, lab.id, lab.sample);
    CHECK(lab.files.counts().syncs >= 38);
    const Status flushed = flush(*lab.store, lab.id);
    CHECK(flushed.ok() == !fails);
    if (fails) {
      // As Linux does it, the imitated disk forgot what was dirty: the piece is gone, and the store knows.
      const auto lost = lab.heard->all_lost();
      REQUIRE(lost.size() == 1);
      fetch(*lab.store, lab.id, lab.sample, lost.front());
      CHECK(eventually([&] { return flush(*lab.store, lab.id).ok(); }));
    }
    CHECK(lab.store->facts(lab.id).durable == 40);
    // What the power failure leaves is all of it: the journal told no lie.
    stop(*lab.store, lab.id);
    std::mt19937_64 random(1);
    lab.files.crash(random);
    CHECK(lab.is_complete());
  }
}

}  // namespace shoal::store
