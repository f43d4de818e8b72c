// The promises of the store to every user, over real files and over imitated ones.
#include "store/piece_store.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "store_lab.hpp"
#include "support/store_contract.hpp"

namespace shoal::store {
namespace {

using namespace testing;
using Taken = PieceStore::Taken;

struct OverRealFiles {
  PosixFiles files;
  TempDirectory directory;
  fs::path root = directory.path() / "root";
  fs::path journal = directory.path() / "journal";
  OverRealFiles() { fs::create_directory(root); }
  std::string get(const std::string& path) { return test::must(read_file(root / path, GiB)); }
  void put(const std::string& path, const std::string& bytes) {
    fs::create_directories((root / path).parent_path());
    test::must(write_file_durably(root / path, bytes));
  }
};

struct OverFakeFiles {
  test::FakeFiles files;
  fs::path root = "/root";
  fs::path journal = "/state/journal";
  std::string get(const std::string& path) { return files.get(root / path); }
  void put(const std::string& path, const std::string& bytes) { files.put(root / path, bytes); }
};

template <class Place>
void put_all(Place& place, const Sample& sample) {
  for (std::size_t i = 0; i < sample.bytes.size(); ++i) place.put(sample.layout.files()[i].path, sample.bytes[i]);
}

/// The store itself, for the contract.
template <class Place>
struct StoreDoor {
  StoreDoor() { id = test::must(store.add(sample.spec(place.root, ContentAccess::update))).id; }
  std::uint32_t piece_count() const { return sample.layout.piece_count(); }
  std::string piece(std::uint32_t number) const { return sample.piece(number); }
  void write(std::uint32_t number, std::uint32_t at, const std::string& bytes) {
    REQUIRE(store.write(id, number, at, bytes) == Taken::yes);
  }
  bool complete(std::uint32_t number) { return test::must(testing::complete(store, id, number)) == Verdict::verified; }
  std::string read(std::uint32_t number, std::uint32_t at, std::uint32_t length) {
    auto bytes = testing::read(store, id, number, at, length);
    return bytes.ok() ? bytes.value() : "";
  }
  void clear(std::uint32_t number) { testing::clear(store, id, number); }
  void flush() { REQUIRE(testing::flush(store, id).ok()); }
  std::string stored(std::uint32_t number) {
    const FilePart extent = sample.layout.parts(number).front();
    return place.get(sample.layout.files()[extent.file].path).substr(extent.offset, extent.length);
  }

  Place place;
  const Sample sample;
  PieceStore store{place.files, small_store()};
  ContentId id{};
};

}  // namespace

TEST_CASE_TEMPLATE("the store keeps its contract", Place, OverRealFiles, OverFakeFiles) { test::StoreContract<StoreDoor<Place>>().check(); }

TEST_CASE_TEMPLATE("pieces that arrive in blocks end up in their files", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  PieceStore store(place.files, small_store());
  const Added added = test::must(store.add(sample.spec(place.root, ContentAccess::update)));
  CHECK_FALSE(added.unexplored);
  CHECK(added.have == std::vector<bool>(sample.layout.piece_count()));
  fetch_all(store, added.id, sample);
  REQUIRE(flush(store, added.id).ok());
  CHECK(store.facts(added.id).have == sample.layout.piece_count());
  CHECK(store.facts(added.id).durable == sample.layout.piece_count());
  for (std::size_t i = 0; i < sample.bytes.size(); ++i) CHECK(place.get(sample.layout.files()[i].path) == sample.bytes[i]);
}

TEST_CASE_TEMPLATE("what was verified is read back, with zeroes where the padding is", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  put_all(place, sample);
  PieceStore store(place.files, small_store());
  const ContentId id = test::must(store.add(sample.spec(place.root, ContentAccess::read_only))).id;
  for (std::uint32_t piece = 0; piece < sample.layout.piece_count(); ++piece) {
    std::string padded = sample.piece(piece);
    padded.resize(64 * KiB, '\0');
    for (std::uint32_t offset = 0; offset < padded.size(); offset += block)
      CHECK(test::must(read(store, id, piece, offset, block)) == padded.substr(offset, block));
    CHECK(test::must(read(store, id, piece, 5, 100)) == padded.substr(5, 100));
  }
}

TEST_CASE_TEMPLATE("a fingerprint stands for the SHA-256 only where it fits", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  put_all(place, sample);
  NewContent spec = sample.spec(place.root, ContentAccess::read_only);
  for (std::uint32_t piece = 0; piece < sample.layout.piece_count(); ++piece) {
    FingerprintHasher hasher;
    hasher.update(sample.piece(piece));
    spec.fingerprints.push_back(hasher.finish());
  }
  // Its SHA-256 is not asked for.
  spec.pieces[0] = crypto::sha256("something else");
  // It is asked for where the fingerprint is wrong, and then decides.
  ++spec.fingerprints[1].low;
  ++spec.fingerprints[2].low;
  spec.pieces[2] = crypto::sha256("something else");
  PieceStore store(place.files, small_store());
  const ContentId id = test::must(store.add(std::move(spec))).id;
  CHECK(test::must(read(store, id, 0, 0, block)) == sample.piece(0).substr(0, block));
  CHECK(test::must(read(store, id, 1, 0, block)) == sample.piece(1).substr(0, block));
  CHECK(read(store, id, 2, 0, block).error().code == ErrorCode::verification);
}

TEST_CASE_TEMPLATE("a re-check in the middle of a piece finds it missing, and the piece can come as if it never began", Place,
                   OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  PieceStore store(place.files, small_store());
  const ContentId id = test::must(store.add(sample.spec(place.root, ContentAccess::update))).id;
  REQUIRE(store.write(id, 0, 0, std::string_view(sample.piece(0)).substr(0, block)) == Taken::yes);
  CHECK(test::must(complete(store, id, 0)) == Verdict::corrupt);
  fetch_all(store, id, sample);
  CHECK(place.get("dir/a") == sample.bytes[0]);
}

TEST_CASE_TEMPLATE("two that ask for the same piece are both answered", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  PieceStore store(place.files, small_store());
  const ContentId id = test::must(store.add(sample.spec(place.root, ContentAccess::update))).id;
  for (int round = 0; round < 20; ++round) {
    const std::uint32_t piece = static_cast<std::uint32_t>(round) % sample.layout.piece_count();
    REQUIRE(feed(store, id, sample, piece) != Taken::no);
    std::promise<Verdict> first, second;
    store.complete(id, piece, [&](Result<Verdict> verdict) { first.set_value(test::must(std::move(verdict))); });
    store.complete(id, piece, [&](Result<Verdict> verdict) { second.set_value(test::must(std::move(verdict))); });
    CHECK(wait_for(first.get_future()) == Verdict::verified);
    CHECK(wait_for(second.get_future()) == Verdict::verified);
  }
}

TEST_CASE_TEMPLATE("a corrupt piece is told, stays readable until it is cleared, and can come again", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  PieceStore store(place.files, small_store());
  const ContentId id = test::must(store.add(sample.spec(place.root, ContentAccess::update))).id;
  std::string wrong = sample.piece(0);
  wrong[20'000] = static_cast<char>(wrong[20'000] ^ 1);
  for (std::uint32_t at = 0; at < wrong.size(); at += block)
    REQUIRE(store.write(id, 0, at, std::string_view(wrong).substr(at, block)) == Taken::yes);
  CHECK(test::must(complete(store, id, 0)) == Verdict::corrupt);
  auto spoilt = store.cached(id, 0, block, block);
  REQUIRE(spoilt);
  CHECK(std::string(spoilt->data, spoilt->length) == wrong.substr(block, block));
  CHECK(place.get("dir/a") == std::string(200'000, '\0'));
  clear(store, id, 0);
  CHECK_FALSE(store.cached(id, 0, block, block));
  fetch(store, id, sample, 0);
  // A block that is on its way keeps its bytes, whatever becomes of the piece.
  CHECK(std::string(spoilt->data, spoilt->length) == wrong.substr(block, block));
}

TEST_CASE_TEMPLATE("a piece that is incomplete, unknown or of a closed content has no good answer", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  PieceStore store(place.files, small_store());
  const ContentId id = test::must(store.add(sample.spec(place.root, ContentAccess::update))).id;
  REQUIRE(store.write(id, 0, 0, sample.piece(0).substr(0, block)) == Taken::yes);
  CHECK(test::must(complete(store, id, 0)) == Verdict::corrupt);
  CHECK(test::must(complete(store, id, 1)) == Verdict::corrupt);
  CHECK(read(store, id, 1, 0, block).error().code == ErrorCode::not_found);
  stop(store, id);
  CHECK(complete(store, id, 0).error().code == ErrorCode::interrupted);
  CHECK(read(store, id, 0, 0, block).error().code == ErrorCode::interrupted);
  CHECK(flush(store, id).error().code == ErrorCode::interrupted);
  CHECK(store.facts(id).have == 0);
}

TEST_CASE_TEMPLATE("a restart trusts the journal and reads nothing", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  NewContent spec = sample.spec(place.root, ContentAccess::update);
  spec.journal = place.journal;
  if constexpr (std::is_same_v<Place, OverRealFiles>) fs::create_directories(spec.journal.parent_path());
  {
    PieceStore store(place.files, small_store());
    const ContentId id = test::must(store.add(spec)).id;
    fetch(store, id, sample, 1);
    fetch(store, id, sample, 4);
    REQUIRE(flush(store, id).ok());
  }
  PieceStore store(place.files, small_store());
  const Added added = test::must(store.add(spec));
  CHECK_FALSE(added.unexplored);
  std::vector<bool> expected(sample.layout.piece_count());
  expected[1] = expected[4] = true;
  CHECK(added.have == expected);
  CHECK(store.facts(added.id).durable == 2);
  fetch_all(store, added.id, sample);
  CHECK(place.get("dir/a") == sample.bytes[0]);
}

TEST_CASE("space is reserved for the pieces that are missing, not for whole files") {
  OverRealFiles place;
  const Sample sample({{"large", 8 * MiB}});
  place.put("large", "");
  fs::resize_file(place.root / "large", 8 * MiB);
  NewContent spec = sample.spec(place.root, ContentAccess::update);
  spec.journal = place.journal;
  std::vector<bool> have(sample.layout.piece_count(), true);
  have[3] = have[4] = have[9] = false;
  REQUIRE(remember(place.files, spec, have).ok());
  PieceStore store(place.files, small_store());
  REQUIRE(test::must(store.add(spec)).have == have);
  struct stat info {};
  REQUIRE(::stat((place.root / "large").c_str(), &info) == 0);
  CHECK(info.st_blocks * 512 >= 3 * 64 * KiB);
  CHECK(info.st_blocks * 512 < MiB);
}

TEST_CASE_TEMPLATE("without a journal what is there is explored", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  std::string half = sample.bytes[0];
  half[70'000] = static_cast<char>(half[70'000] ^ 1);
  place.put("dir/a", half);
  PieceStore store(place.files, small_store());
  const Added added = test::must(store.add(sample.spec(place.root, ContentAccess::update)));
  CHECK(added.unexplored);
  CHECK(test::must(complete(store, added.id, 0)) == Verdict::verified);
  CHECK(test::must(complete(store, added.id, 1)) == Verdict::corrupt);
  CHECK(test::must(complete(store, added.id, 3)) == Verdict::verified);
  CHECK(test::must(complete(store, added.id, 4)) == Verdict::corrupt);
  REQUIRE(flush(store, added.id).ok());
  CHECK(store.facts(added.id).durable == 2);
}

TEST_CASE_TEMPLATE("a file that was written to between two runs is explored, not trusted", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample sample;
  NewContent spec = sample.spec(place.root, ContentAccess::update);
  spec.journal = place.journal;
  {
    PieceStore store(place.files, small_store());
    fetch_all(store, test::must(store.add(spec)).id, sample);
  }
  std::string changed = sample.bytes[3];
  changed[0] = static_cast<char>(changed[0] ^ 1);
  place.put("d", changed);
  PieceStore store(place.files, small_store());
  const Added added = test::must(store.add(spec));
  CHECK(added.unexplored);
  CHECK(std::count(added.have.begin(), added.have.end(), true) == 5);
  CHECK(test::must(complete(store, added.id, 5)) == Verdict::corrupt);
  CHECK(test::must(complete(store, added.id, 6)) == Verdict::verified);
}

TEST_CASE_TEMPLATE("pieces of an older content are copied, wherever they are, and counted", Place, OverRealFiles, OverFakeFiles) {
  Place place;
  const Sample old;
  put_all(place, old);
  // The second version: one file changed, one moved, one new.
  Sample next({{"moved", 3 * 64 * KiB}, {"dir/a", 200'000}, {"new", 70'000}}, 64 * KiB, 50);
  next.bytes[0] = old.bytes[3];
  next.bytes[1] = old.bytes[0];
  next.bytes[1][0] = static_cast<char>(next.bytes[1][0] ^ 1);
  next.pieces.clear();
  for (std::uint32_t i = 0; i < next.layout.piece_count(); ++i) next.pieces.push_back(crypto::sha256(next.piece(i)));
  const fs::path target = place.root.parent_path() / "next";
  if constexpr (std::is_same_v<Place, OverRealFiles>) fs::create_directory(target);
  NewContent spec = next.spec(target, ContentAccess::update);
  spec.older.push_back({old.layout, old.pieces, place.root});

  PieceStore store(place.files, small_store());
  const Added added = test::must(store.add(spec));
  CHECK(added.unexplored);
  ByteCount reused = 0;
  for (std::uint32_t i = 0; i < next.layout.piece_count(); ++i) {
    const bool is_old = std::find(old.pieces.begin(), old.pieces.end(), next.pieces[i]) != old.pieces.end();
    CHECK(test::must(complete(store, added.id, i)) == (is_old ? Verdict::verified : Verdict::corrupt));
    if (is_old) reused += next.layout.bytes_in(i);
  }
  CHECK(reused == 3 * 64 * KiB + 200'000 - 64 * KiB);
  CHECK(store.facts(added.id).reused == reused);
  fetch_all(store, added.id, next);
  REQUIRE(flush(store, added.id).ok());
  CHECK(store.facts(added.id).durable == next.layout.piece_count());
}

TEST_CASE("an older content that decayed is not reused, with and without clones") {
  for (const bool clones : {false, true}) {
    CAPTURE(clones);
    test::FakeFiles files;
    if (clones) files.allow_clones();
    const Sample sample;
    for (std::size_t i = 0; i < sample.bytes.size(); ++i) files.put("/old" / fs::path(sample.layout.files()[i].path), sample.bytes[i]);
    files.flip("/old/d", 70'000);
    NewContent spec = sample.spec("/new", ContentAccess::update);
    spec.older.push_back({sample.layout, sample.pieces, "/old"});
    PieceStore store(files, small_store());
    const ContentId id = test::must(store.add(spec)).id;
    for (std::uint32_t i = 0; i < sample.layout.piece_count(); ++i)
      CHECK(test::must(complete(store, id, i)) == (i == 6 ? Verdict::corrupt : Verdict::verified));
    CHECK((files.counts().clones > 0) == clones);
    fetch_all(store, id, sample);
    CHECK(files.get("/new/d") == sample.bytes[3]);
  }
}

TEST_CASE("readers of one piece share one read of the disk") {
  test::FakeFiles files;
  const Sample sample({{"f", 1 * MiB}}, 256 * KiB);
  files.put("/r/f", sample.bytes[0]);
  PieceStore store(files, small_store(8 * MiB));
  const ContentId id = test::must(store.add(sample.spec("/r", ContentAccess::read_only))).id;
  for (int round = 0; round < 2; ++round)
    for (std::uint32_t piece = 0; piece < 4; ++piece)
      for (std::uint32_t offset = 0; offset < 256 * KiB; offset += block)
        CHECK(test::must(read(store, id, piece, offset, block)) == sample.piece(piece).substr(offset, block));
  CHECK(files.counts().bytes_read == 1 * MiB);
}

TEST_CASE(
    "a reader that goes through a file in order finds the next piece read already, and one that does not costs no more than it asks for") {
  test::FakeFiles files;
  const Sample sample({{"f", 1 * MiB}}, 128 * KiB);
  files.put("/r/f", sample.bytes[0]);
  PieceStore store(files, small_store(8 * MiB));
  const ContentId id = test::must(store.add(sample.spec("/r", ContentAccess::read_only))).id;
  for (const std::uint32_t piece : {6U, 2U}) CHECK(read(store, id, piece, 0, block).ok());
  CHECK(files.counts().bytes_read == 2 * 128 * KiB);
  CHECK(read(store, id, 3, 0, block).ok());
  CHECK(eventually([&] { return store.cached(id, 4, 0, block).has_value(); }));
  CHECK(files.counts().bytes_read == 4 * 128 * KiB);
}

TEST_CASE("a store refuses pieces that its memory cannot hold") {
  test::FakeFiles files;
  const Sample sample({{"f", 4 * MiB}}, 1 * MiB);
  PieceStore store(files, small_store(4 * MiB));
  const auto added = store.add(sample.spec("/r", ContentAccess::update));
  REQUIRE_FALSE(added.ok());
  CHECK(added.error().code == ErrorCode::usage);
}

TEST_CASE("real files: names that lead elsewhere are not followed for writing") {
  OverRealFiles place;
  const Sample sample;
  fs::create_symlink(place.directory.path() / "elsewhere", place.root / "b");
  PieceStore store(place.files, small_store());
  CHECK_FALSE(store.add(sample.spec(place.root, ContentAccess::update)).ok());
  CHECK_FALSE(fs::exists(place.directory.path() / "elsewhere"));
}

TEST_CASE("real files: a directory that is renamed meanwhile is found again") {
  OverRealFiles place;
  const Sample sample;
  PieceStore store(place.files, small_store());
  const ContentId id = test::must(store.add(sample.spec(place.root, ContentAccess::update))).id;
  fetch(store, id, sample, 0);
  fs::rename(place.root, place.directory.path() / "moved");
  place.root = place.directory.path() / "moved";
  fetch_all(store, id, sample);
  CHECK(place.get("d") == sample.bytes[3]);
}

}  // namespace shoal::store
