// The slow walk over what is verified.
#include <doctest/doctest.h>

#include "store/scrubber.hpp"
#include "store_lab.hpp"

namespace shoal::store {
namespace {

using namespace testing;

StoreOptions scrubbed() {
  StoreOptions options = small_store();
  options.scrub_rate = 1 * GiB;
  options.scrub_pause = std::chrono::milliseconds(1);
  return options;
}

}  // namespace

TEST_CASE("the scrub keeps to its rate") {
  CHECK(scrub_time(16 * MiB, 16 * MiB) == std::chrono::seconds(1));
  CHECK(scrub_time(1 * MiB, 4 * MiB) == std::chrono::milliseconds(250));
  CHECK(scrub_time(16 * MiB, 1) == std::chrono::seconds(16 * MiB));
}

TEST_CASE("the scrub finds a byte that decayed, takes the piece out of the journal, and leaves the others alone") {
  const Sample sample;
  test::FakeFiles files;
  const auto heard = std::make_shared<Heard>();
  NewContent spec = sample.spec("/root", ContentAccess::update);
  spec.journal = "/state/journal";
  spec.events = Heard::events(heard);
  {
    PieceStore store(files, scrubbed());
    const ContentId id = test::must(store.add(spec)).id;
    fetch_all(store, id, sample);
    REQUIRE(flush(store, id).ok());
    files.flip("/root/dir/a", 70'000);
    REQUIRE(eventually([&] { return !heard->all_lost().empty(); }));
    REQUIRE(flush(store, id).ok());
    CHECK(store.facts(id).durable == sample.layout.piece_count() - 1);
    fetch(store, id, sample, 1);
    REQUIRE(flush(store, id).ok());
    CHECK(files.get("/root/dir/a") == sample.bytes[0]);
    files.flip("/root/d", 5);
    REQUIRE(eventually([&] { return heard->all_lost().size() == 2; }));
    stop(store, id);
  }
  CHECK(heard->all_lost() == std::vector<std::uint32_t>{1, 5});
  PieceStore store(files, small_store());
  const Added added = test::must(store.add(spec));
  CHECK_FALSE(added.have[5]);
  CHECK(std::count(added.have.begin(), added.have.end(), true) == sample.layout.piece_count() - 1);
}

TEST_CASE("the scrub of a source withdraws what is wrong, and what cannot be read for a while is not taken for that") {
  const Sample sample;
  test::FakeFiles files;
  for (std::size_t i = 0; i < sample.bytes.size(); ++i) files.put("/root" / fs::path(sample.layout.files()[i].path), sample.bytes[i]);
  std::atomic<int> failed{0};
  files.set_fault(
      [&](test::Op op, const std::string& path, ByteCount) { return op == test::Op::read && path == "/root/b" ? (++failed, EIO) : 0; });
  const auto heard = std::make_shared<Heard>();
  NewContent spec = sample.spec("/root", ContentAccess::read_only);
  spec.events = Heard::events(heard);
  PieceStore store(files, scrubbed());
  const ContentId id = test::must(store.add(spec)).id;
  REQUIRE(eventually([&] { return failed > 2; }));
  CHECK(heard->all_lost().empty());
  files.flip("/root/d", 70'000);
  REQUIRE(eventually([&] { return !heard->all_lost().empty(); }));
  CHECK(heard->all_lost() == std::vector<std::uint32_t>{6});
  CHECK(store.facts(id).have == sample.layout.piece_count() - 1);
}

TEST_CASE("without a rate nothing is read") {
  const Sample sample;
  test::FakeFiles files;
  for (std::size_t i = 0; i < sample.bytes.size(); ++i) files.put("/root" / fs::path(sample.layout.files()[i].path), sample.bytes[i]);
  PieceStore store(files, small_store());
  const ContentId id = test::must(store.add(sample.spec("/root", ContentAccess::read_only))).id;
  REQUIRE(flush(store, id).ok());
  CHECK(files.counts().reads == 0);
}

}  // namespace shoal::store
