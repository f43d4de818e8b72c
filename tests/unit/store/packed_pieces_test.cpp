// Pieces that several files share: fetched, read, found again, reused, repaired.
#include <doctest/doctest.h>

#include <algorithm>

#include "fault_lab.hpp"

namespace shoal::store {
namespace {

using namespace testing;
using test::Op;

/// Small files of all lengths, an empty one, one that is just too long to be packed, and a large one.
std::vector<LayoutFile> mixed() {
  std::vector<LayoutFile> files;
  for (unsigned i = 0; i < 40; ++i) files.push_back({"small/" + std::to_string(100 + i), 500 + 911 * i});
  files.push_back({"small/empty", 0});
  files.push_back({"t", 64 * KiB});
  files.push_back({"weights", 300'000});
  return files;
}

Sample packed(unsigned seed = 1) { return Sample(mixed(), 64 * KiB, seed, Packing::packed); }

void put_all(test::FakeFiles& files, const fs::path& root, const Sample& sample) {
  for (std::size_t i = 0; i < sample.bytes.size(); ++i) files.put(root / sample.layout.files()[i].path, sample.bytes[i]);
}

/// The pieces' digests follow from the bytes.
void digest_again(Sample& sample) {
  sample.pieces.clear();
  for (std::uint32_t i = 0; i < sample.layout.piece_count(); ++i) sample.pieces.push_back(crypto::sha256(sample.piece(i)));
}

std::uint32_t packed_pieces(const Sample& sample) {
  std::uint32_t end = 0;
  for (std::uint32_t file = 0; file < sample.layout.files().size(); ++file)
    if (sample.layout.is_packed(file)) end = std::max(end, sample.layout.first_piece(file) + sample.layout.pieces_of(file));
  return end;
}

}  // namespace

TEST_CASE("a content with shared pieces is fetched, read back and served from the files") {
  Lab lab(packed());
  REQUIRE(packed_pieces(lab.sample) > 5);
  lab.start(ContentAccess::update);
  fetch_all(*lab.store, lab.id, lab.sample);
  CHECK(lab.is_complete());
  REQUIRE(flush(*lab.store, lab.id).ok());
  CHECK(lab.store->facts(lab.id).durable == lab.sample.layout.piece_count());
  // A store that has nothing in memory.
  lab.start(ContentAccess::read_only);
  for (std::uint32_t i = 0; i < lab.sample.layout.piece_count(); ++i) {
    CAPTURE(i);
    const std::string piece = lab.sample.piece(i);
    for (std::uint32_t at = 0; at < piece.size(); at += block) {
      const auto length = std::min<std::uint32_t>(block, static_cast<std::uint32_t>(piece.size()) - at);
      CHECK(test::must(read(*lab.store, lab.id, i, at, length)) == piece.substr(at, length));
    }
  }
  // Padding behind the last small file is zeroes.
  const std::uint32_t last = packed_pieces(lab.sample) - 1;
  const std::uint32_t used = lab.sample.layout.bytes_in(last);
  REQUIRE(used < 64 * KiB);
  CHECK(test::must(read(*lab.store, lab.id, last, used / block * block, block)).substr(used % block) ==
        std::string(block - used % block, '\0'));
}

TEST_CASE("blocks of a shared piece that were set down on the disk are found again") {
  // One piece of many files, larger than what memory holds of unfinished pieces beside the others.
  std::vector<LayoutFile> files;
  for (unsigned i = 0; i < 500; ++i) files.push_back({"s" + std::to_string(1000 + i), 20'000});
  Lab lab(Sample(std::move(files), 256 * KiB, 1, Packing::packed));
  lab.start(ContentAccess::update, small_store(4 * MiB));
  const std::uint32_t count = lab.sample.layout.piece_count();
  for (std::uint32_t piece = 0; piece + 1 < count; ++piece) {
    const std::string bytes = lab.sample.piece(piece);
    REQUIRE(eventually([&] { return lab.store->write(lab.id, piece, 0, bytes.substr(0, block)) != PieceStore::Taken::no; }));
  }
  REQUIRE(eventually([&] { return lab.files.counts().writes > 1 && !lab.store->cached(lab.id, 0, 0, block); }));
  CHECK(test::must(read(*lab.store, lab.id, 0, 0, block)) == lab.sample.piece(0).substr(0, block));
  for (std::uint32_t piece = 0; piece < count; ++piece) {
    const std::string bytes = lab.sample.piece(piece);
    for (std::uint32_t at = 0; at < bytes.size(); at += block)
      REQUIRE(eventually([&] { return lab.store->write(lab.id, piece, at, bytes.substr(at, block)) != PieceStore::Taken::no; }));
    CHECK(test::must(complete(*lab.store, lab.id, piece)) == Verdict::verified);
  }
  CHECK(lab.is_complete());
}

TEST_CASE("a restart believes a shared piece only if none of its files has changed") {
  Lab lab(packed());
  lab.start(ContentAccess::update);
  fetch_all(*lab.store, lab.id, lab.sample);
  stop(*lab.store, lab.id);
  lab.store.reset();
  std::string changed = lab.sample.bytes[5];
  changed[0] = static_cast<char>(changed[0] ^ 1);
  lab.files.put("/root/small/105", changed);
  const Added added = lab.start(ContentAccess::update);
  CHECK(added.unexplored);
  const auto& layout = lab.sample.layout;
  const std::uint32_t first = layout.first_piece(5), end = first + layout.pieces_of(5);
  for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece) {
    CAPTURE(piece);
    CHECK(added.have[piece] == (piece < first || piece >= end));
  }
  CHECK(test::must(complete(*lab.store, lab.id, first)) == Verdict::corrupt);
}

TEST_CASE("what is there without a journal is explored, shared pieces too, and a hole is none of it") {
  Lab lab(packed());
  lab.put_source();
  lab.files.put("/root/small/110", std::string(lab.sample.bytes[10].size(), '\0'));
  const Added added = lab.start(ContentAccess::update);
  CHECK(added.unexplored);
  const auto& layout = lab.sample.layout;
  for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece) {
    const bool lacks = piece >= layout.first_piece(10) && piece < layout.first_piece(10) + layout.pieces_of(10);
    CHECK(test::must(complete(*lab.store, lab.id, piece)) == (lacks ? Verdict::corrupt : Verdict::verified));
  }
}

TEST_CASE("small files of an older version are reused wherever they lie, and only pieces with something new are lacking") {
  for (const Packing before : {Packing::aligned, Packing::packed}) {
    CAPTURE(static_cast<int>(before));
    test::FakeFiles files;
    const Sample old(mixed(), 64 * KiB, 1, before);
    put_all(files, "/old", old);
    // One file in the middle is another and longer, so that all files behind it lie elsewhere; one large file changed at its end.
    auto wanted = mixed();
    wanted[20].size += 333;
    Sample next(wanted, 64 * KiB, 1, Packing::packed);
    next.bytes[20][0] = static_cast<char>(next.bytes[20][0] ^ 1);
    next.bytes[42].back() = static_cast<char>(next.bytes[42].back() ^ 1);
    digest_again(next);
    NewContent spec = next.spec("/new", ContentAccess::update);
    spec.older.push_back({old.layout, old.pieces, "/old", old.digests()});
    PieceStore store(files, small_store());
    const ContentId id = test::must(store.add(spec)).id;
    std::vector<std::uint32_t> lacking;
    for (std::uint32_t i = 0; i < next.layout.piece_count(); ++i)
      if (test::must(complete(store, id, i)) == Verdict::corrupt) lacking.push_back(i);
    std::vector<std::uint32_t> expected;
    for (std::uint32_t i = 0; i < next.layout.pieces_of(20); ++i) expected.push_back(next.layout.first_piece(20) + i);
    expected.push_back(next.layout.piece_count() - 1);
    CHECK(lacking == expected);
    for (const auto piece : lacking) fetch(store, id, next, piece);
    for (std::size_t i = 0; i < next.bytes.size(); ++i) CHECK(files.get("/new" / fs::path(next.layout.files()[i].path)) == next.bytes[i]);
    ByteCount fetched = 0;
    for (const auto piece : lacking) fetched += next.layout.bytes_in(piece);
    CHECK(store.facts(id).reused == next.layout.total_size() - fetched);
  }
}

TEST_CASE("aligned files are taken from an older version that was packed") {
  test::FakeFiles files;
  const Sample old = packed();
  put_all(files, "/old", old);
  const Sample next(mixed(), 64 * KiB, 1, Packing::aligned);
  NewContent spec = next.spec("/new", ContentAccess::update);
  spec.older.push_back({old.layout, old.pieces, "/old", old.digests()});
  PieceStore store(files, small_store());
  const ContentId id = test::must(store.add(spec)).id;
  for (std::uint32_t i = 0; i < next.layout.piece_count(); ++i) CHECK(test::must(complete(store, id, i)) == Verdict::verified);
}

TEST_CASE("a small file of an older version that has decayed is not reused, and its neighbours are not harmed") {
  test::FakeFiles files;
  const Sample sample = packed();
  put_all(files, "/old", sample);
  files.flip("/old/small/103", 7);
  NewContent spec = sample.spec("/new", ContentAccess::update);
  spec.older.push_back({sample.layout, sample.pieces, "/old", sample.digests()});
  PieceStore store(files, small_store());
  const ContentId id = test::must(store.add(spec)).id;
  const std::uint32_t piece = sample.layout.first_piece(3);
  CHECK(test::must(complete(store, id, piece)) == Verdict::corrupt);
  for (std::uint32_t i = 0; i < sample.layout.piece_count(); ++i)
    if (i != piece) CHECK(test::must(complete(store, id, i)) == Verdict::verified);
  fetch(store, id, sample, piece);
  for (std::size_t i = 0; i < sample.bytes.size(); ++i)
    CHECK(files.get("/new" / fs::path(sample.layout.files()[i].path)) == sample.bytes[i]);
}

TEST_CASE("a shared piece with a wrong byte in any of its files is not served, and comes back when it is brought again") {
  Lab lab(packed());
  lab.put_source();
  NewContent spec = lab.spec(ContentAccess::update);
  spec.complete = true;
  lab.store = std::make_unique<PieceStore>(lab.files, small_store());
  lab.id = test::must(lab.store->add(spec)).id;
  const std::uint32_t piece = lab.sample.layout.first_piece(7);
  lab.files.flip("/root/small/107", 0);
  const auto got = read(*lab.store, lab.id, piece, 0, block);
  REQUIRE_FALSE(got.ok());
  CHECK(got.error().code == ErrorCode::verification);
  CHECK(eventually([&] { return lab.heard->all_lost() == std::vector{piece}; }));
  fetch(*lab.store, lab.id, lab.sample, piece);
  CHECK(lab.is_complete());
}

TEST_CASE("a sync that fails for one file costs the shared pieces with bytes of it, and no others") {
  Lab lab(packed());
  StoreOptions options = small_store();
  options.sync_interval = std::chrono::hours(1);
  lab.start(ContentAccess::update, options);
  fetch_all(*lab.store, lab.id, lab.sample);
  lab.files.set_fault(errno_for(Op::sync, EIO, std::make_shared<std::atomic<int>>(1), "/root/small/112"));
  CHECK_FALSE(flush(*lab.store, lab.id).ok());
  const auto& layout = lab.sample.layout;
  std::vector<std::uint32_t> expected;
  for (std::uint32_t i = 0; i < layout.pieces_of(12); ++i) expected.push_back(layout.first_piece(12) + i);
  CHECK(lab.heard->all_lost() == expected);
  for (const auto piece : expected) fetch(*lab.store, lab.id, lab.sample, piece);
  CHECK(eventually([&] { return flush(*lab.store, lab.id).ok(); }));
  CHECK(lab.store->facts(lab.id).durable == layout.piece_count());
  CHECK(lab.is_complete());
}

TEST_CASE("the scrub finds a rotten byte in a shared piece") {
  Lab lab(packed());
  lab.put_source();
  StoreOptions options = small_store();
  options.scrub_rate = 1 * GiB;
  options.scrub_pause = std::chrono::milliseconds(1);
  lab.files.flip("/root/small/130", 100);
  lab.start(ContentAccess::read_only, options);
  CHECK(eventually([&] { return lab.heard->all_lost() == std::vector{lab.sample.layout.first_piece(30)}; }));
}

}  // namespace shoal::store
