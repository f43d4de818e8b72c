// kill -9 and power failures at random moments: nothing is believed that is not so, and little is lost.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "store/journal.hpp"
#include "store_lab.hpp"

namespace shoal::store {
namespace {

using namespace testing;

NewContent journaled(const Sample& sample) {
  NewContent spec = sample.spec("/root", ContentAccess::update);
  spec.journal = "/state/journal";
  return spec;
}

/// Every piece that the store says it has is really there.
void check_honest(test::FakeFiles& files, const Sample& sample, const std::vector<bool>& have) {
  for (std::uint32_t i = 0; i < have.size(); ++i) {
    if (!have[i]) continue;
    CAPTURE(i);
    std::string stored;
    for (const FilePart& part : sample.layout.parts(i))
      stored += files.get("/root" / fs::path(sample.layout.files()[part.file].path)).substr(part.offset, part.length);
    CHECK(stored == sample.piece(i));
  }
}

/// What a power failure would leave now, in files of its own, so that the store that runs goes on undisturbed.
std::unique_ptr<test::FakeFiles> wreck(test::FakeFiles& files, std::mt19937_64& random) {
  auto copy = files.copy();
  copy->crash(random);
  return copy;
}

}  // namespace

TEST_CASE("200 power failures at random moments: no piece is believed that is not on the disk, and what was flushed is kept") {
  const Sample aligned({{"a", 500'000}, {"b", 300'000}, {"c", 64 * KiB}});
  // Eleven files that share pieces, and two that do not.
  std::vector<LayoutFile> many{{"a", 200'000}, {"b", 64 * KiB}};
  for (unsigned i = 0; i < 11; ++i) many.push_back({"small" + std::to_string(10 + i), 20'000 + i});
  const Sample packed(many, 64 * KiB, 1, Packing::packed);
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    const Sample& sample = round % 2 == 0 ? aligned : packed;
    test::FakeFiles files;
    std::vector<bool> flushed(sample.layout.piece_count());
    std::unique_ptr<test::FakeFiles> after;
    {
      PieceStore store(files, small_store());
      const ContentId id = test::must(store.add(journaled(sample))).id;
      std::vector<std::uint32_t> order(sample.layout.piece_count());
      for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), random);
      order.resize(random() % order.size() + 1);
      for (const auto piece : order) {
        fetch(store, id, sample, piece);
        if (random() % 4 == 0 && flush(store, id).ok())
          for (const auto done : order) {
            flushed[done] = true;
            if (done == piece) break;
          }
      }
      if (random() % 2 == 0) (void)feed(store, id, sample, static_cast<std::uint32_t>(random() % sample.layout.piece_count()));
      after = wreck(files, random);
    }
    PieceStore store(*after, small_store());
    const Added added = test::must(store.add(journaled(sample)));
    check_honest(*after, sample, added.have);
    for (std::size_t i = 0; i < flushed.size(); ++i)
      if (flushed[i]) CHECK(added.have[i]);
    fetch_all(store, added.id, sample);
    REQUIRE(flush(store, added.id).ok());
    CHECK(store.facts(added.id).durable == sample.layout.piece_count());
  }
}

TEST_CASE("the store may die at any of its calls to the disk") {
  const Sample sample({{"a", 200'000}, {"b", 50'000}, {"c", 30'000}, {"d", 20'000}}, 64 * KiB, 1, Packing::packed);
  std::mt19937_64 random(8);
  // How many calls there are; then one run for each of them, in which everything from that call on fails.
  for (int dies_at = 0;; ++dies_at) {
    CAPTURE(dies_at);
    test::FakeFiles files;
    std::atomic<int> calls{0};
    files.set_fault([&](test::Op op, const std::string&, ByteCount) {
      if (op == test::Op::open || op == test::Op::read) return 0;
      return calls++ >= dies_at ? EIO : 0;
    });
    {
      PieceStore store(files, small_store());
      const auto added = store.add(journaled(sample));
      for (std::uint32_t i = 0; added.ok() && i < sample.layout.piece_count(); ++i) {
        (void)feed(store, added->id, sample, i);
        store.complete(added->id, i, [](const Result<Verdict>&) {});
        (void)flush(store, added->id);
      }
    }
    files.set_fault({});
    files.crash(random);
    {
      PieceStore store(files, small_store());
      const Added added = test::must(store.add(journaled(sample)));
      check_honest(files, sample, added.have);
      fetch_all(store, added.id, sample);
    }
    PieceStore store(files, small_store());
    const Added added = test::must(store.add(journaled(sample)));
    CHECK(std::count(added.have.begin(), added.have.end(), true) == sample.layout.piece_count());
    if (calls < dies_at) break;
  }
}

TEST_CASE("a damaged journal is no reason to believe or to lose anything: the files are explored") {
  const Sample sample;
  test::FakeFiles files;
  {
    PieceStore store(files, small_store());
    fetch_all(store, test::must(store.add(journaled(sample))).id, sample);
  }
  files.flip("/state/journal", 20);
  files.flip("/root/d", 3);
  PieceStore store(files, small_store());
  const Added added = test::must(store.add(journaled(sample)));
  CHECK(added.unexplored);
  CHECK(std::count(added.have.begin(), added.have.end(), true) == 0);
  for (std::uint32_t i = 0; i < sample.layout.piece_count(); ++i)
    CHECK(test::must(complete(store, added.id, i)) == (i == 5 ? Verdict::corrupt : Verdict::verified));
}

TEST_CASE("real files: 100 GiB that a journal knows are there again at once, without a byte read") {
  TempDirectory directory;
  const std::uint32_t piece_length = 16 * MiB;
  Layout layout({{"weights", 100 * GiB}}, piece_length);
  NewContent spec;
  spec.pieces.resize(layout.piece_count());
  spec.layout = layout;
  spec.root = directory.path() / "root";
  spec.journal = directory.path() / "journal";
  fs::create_directory(spec.root);
  test::must(write_file_durably(spec.root / "weights", ""));
  fs::resize_file(spec.root / "weights", 100 * GiB);  // sparse
  PosixFiles files;
  const auto stamp = test::must(stamp_of(spec.root / "weights"));
  JournalState state{std::vector<bool>(layout.piece_count(), true), {{stamp.size, stamp.inode, 0}}};
  test::must(Journal::create(files, directory.path() / "journal", {spec.identity, layout.piece_count()}, state));
  PieceStore store(files, StoreOptions{});
  const Added added = test::must(store.add(spec));
  CHECK_FALSE(added.unexplored);
  CHECK(store.facts(added.id).durable == layout.piece_count());
  CHECK(store.memory().in_use() == 1);
  std::promise<Verdict> promise;
  store.complete(added.id, 77, [&](Result<Verdict> verdict) { promise.set_value(test::must(std::move(verdict))); });
  CHECK(wait_for(promise.get_future()) == Verdict::verified);
}

}  // namespace shoal::store
