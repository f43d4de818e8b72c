// Disks that fill up, fail, lie and forget.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "fault_lab.hpp"

namespace shoal::store {
namespace {

using namespace testing;
using test::Op;
using Taken = PieceStore::Taken;

}  // namespace

TEST_CASE("space is reserved before the first byte, or refused with no_space") {
  Lab lab;
  lab.files.set_capacity(300'000);
  PieceStore store(lab.files, small_store());
  const auto added = store.add(lab.spec(ContentAccess::update));
  REQUIRE_FALSE(added.ok());
  CHECK(added.error().code == ErrorCode::no_space);
  lab.files.set_capacity(~ByteCount{0});
  CHECK(store.add(lab.spec(ContentAccess::update)).ok());
}

TEST_CASE("a disk that fills up holds a verified piece back, tells once, and goes on when there is space") {
  for (const int error : {ENOSPC, EDQUOT, EFBIG}) {
    Lab lab;
    lab.start(ContentAccess::update);
    lab.files.set_fault(errno_for(Op::write, error));
    feed(*lab.store, lab.id, lab.sample, 0);
    std::promise<Verdict> promise;
    auto verdict = promise.get_future();
    lab.store->complete(lab.id, 0, [&](Result<Verdict> v) { promise.set_value(test::must(std::move(v))); });
    REQUIRE(eventually([&] { return lab.heard->problem_count() == 1; }));
    CHECK(lab.heard->problems.lock()->front().code == ErrorCode::no_space);
    CHECK(verdict.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    CHECK(lab.store->facts(lab.id).have == 0);
    lab.files.set_fault({});
    CHECK(wait_for(std::move(verdict)) == Verdict::verified);
    fetch_all(*lab.store, lab.id, lab.sample);
    REQUIRE(flush(*lab.store, lab.id).ok());
    CHECK(lab.is_complete());
    CHECK(lab.heard->problem_count() == 1);
  }
}

TEST_CASE("a content can be closed while its disk is full") {
  Lab lab;
  lab.start(ContentAccess::update);
  lab.files.set_fault(errno_for(Op::write, ENOSPC));
  feed(*lab.store, lab.id, lab.sample, 0);
  std::promise<ErrorCode> promise;
  auto answer = promise.get_future();
  lab.store->complete(lab.id, 0, [&](Result<Verdict> v) { promise.set_value(v.error().code); });
  REQUIRE(eventually([&] { return lab.heard->problem_count() == 1; }));
  stop(*lab.store, lab.id);
  CHECK(wait_for(std::move(answer)) == ErrorCode::interrupted);
  CHECK(eventually([&] { return lab.store->memory().in_use() == 1; }));  // the zeroes
}

TEST_CASE("reads that fail for a while are tried again") {
  for (const int error : {EIO, ESTALE}) {
    Lab lab;
    lab.put_source();
    lab.start(ContentAccess::read_only);
    lab.files.set_fault(errno_for(Op::read, error, std::make_shared<std::atomic<int>>(3)));
    CHECK(test::must(read(*lab.store, lab.id, 1, 0, block)) == lab.sample.piece(1).substr(0, block));
    CHECK(lab.heard->all_lost().empty());
  }
}

TEST_CASE("a file that cannot be read or is too short is an error, and good again when it is whole again") {
  Lab lab;
  lab.put_source();
  lab.start(ContentAccess::read_only);
  lab.files.set_fault(errno_for(Op::read, EIO));
  CHECK_FALSE(read(*lab.store, lab.id, 1, 0, block).ok());
  lab.files.set_fault({});
  lab.files.cut("/root/dir/a", 100'000);
  CHECK_FALSE(read(*lab.store, lab.id, 3, 0, block).ok());
  CHECK(lab.heard->all_lost().empty());
  lab.put_source();
  CHECK(test::must(read(*lab.store, lab.id, 3, 0, 100)) == lab.sample.piece(3).substr(0, 100));
  CHECK(test::must(read(*lab.store, lab.id, 1, 0, block)) == lab.sample.piece(1).substr(0, block));
}

TEST_CASE("a flipped byte in a source is not sent: the piece is withdrawn, the others are served") {
  Lab lab;
  lab.put_source();
  lab.start(ContentAccess::read_only);
  lab.files.flip("/root/dir/a", 70'000);
  const auto got = read(*lab.store, lab.id, 1, 32 * KiB, block);
  REQUIRE_FALSE(got.ok());
  CHECK(got.error().code == ErrorCode::verification);
  CHECK(got.error().message.find("dir/a") != std::string::npos);
  CHECK(lab.heard->all_lost() == std::vector<std::uint32_t>{1});
  CHECK(read(*lab.store, lab.id, 1, 0, block).error().code == ErrorCode::not_found);
  CHECK(test::must(complete(*lab.store, lab.id, 1)) == Verdict::corrupt);
  CHECK(test::must(read(*lab.store, lab.id, 0, 0, block)) == lab.sample.piece(0).substr(0, block));
}

TEST_CASE("a byte that flips after a piece was read and found right is found at the next read") {
  Lab lab;
  lab.put_source();
  lab.start(ContentAccess::read_only, small_store(512 * KiB));
  REQUIRE(read(*lab.store, lab.id, 1, 0, block).ok());
  for (std::uint32_t other = 2; other < lab.sample.layout.piece_count(); ++other) REQUIRE(read(*lab.store, lab.id, other, 0, 100).ok());
  REQUIRE_FALSE(lab.store->cached(lab.id, 1, 0, block).has_value());  // the others pushed it out
  lab.files.flip("/root/dir/a", 70'000);
  CHECK(read(*lab.store, lab.id, 1, 32 * KiB, block).error().code == ErrorCode::verification);
  CHECK(lab.heard->all_lost() == std::vector<std::uint32_t>{1});
}

TEST_CASE("a flipped byte in a stored piece is found when it is read, struck from the journal, and can be fetched again") {
  Lab lab;
  lab.start(ContentAccess::update);
  fetch_all(*lab.store, lab.id, lab.sample);
  lab.store.reset();
  lab.files.flip("/root/d", 70'000);
  CHECK_FALSE(lab.start(ContentAccess::update).unexplored);
  CHECK(read(*lab.store, lab.id, 6, 0, block).error().code == ErrorCode::verification);
  CHECK(lab.heard->all_lost() == std::vector<std::uint32_t>{6});
  REQUIRE(flush(*lab.store, lab.id).ok());
  lab.store.reset();
  CHECK_FALSE(lab.start(ContentAccess::update).have[6]);
  fetch(*lab.store, lab.id, lab.sample, 6);
  REQUIRE(flush(*lab.store, lab.id).ok());
  CHECK(lab.is_complete());
}

TEST_CASE("after a failed sync what did not survive is lost and told, and what is durable is durable") {
  Lab lab;
  StoreOptions options = small_store();
  options.sync_interval = std::chrono::hours(1);
  lab.start(ContentAccess::update, options);
  fetch(*lab.store, lab.id, lab.sample, 0);
  fetch(*lab.store, lab.id, lab.sample, 5);
  REQUIRE(flush(*lab.store, lab.id).ok());
  fetch(*lab.store, lab.id, lab.sample, 1);
  fetch(*lab.store, lab.id, lab.sample, 6);
  lab.files.set_fault(errno_for(Op::sync, EIO, std::make_shared<std::atomic<int>>(1), "dir/a"));
  CHECK_FALSE(flush(*lab.store, lab.id).ok());
  CHECK(lab.heard->all_lost() == std::vector<std::uint32_t>{1});
  CHECK(lab.store->facts(lab.id).durable == 3);
  CHECK_FALSE(lab.store->cached(lab.id, 1, 0, block));
  fetch_all(*lab.store, lab.id, lab.sample);
  REQUIRE(flush(*lab.store, lab.id).ok());
  CHECK(lab.store->facts(lab.id).durable == lab.sample.layout.piece_count());
  CHECK(lab.is_complete());
}

TEST_CASE("a piece that becomes complete while a sync fails is read again before it is called durable") {
  Lab lab;
  StoreOptions options = small_store();
  options.sync_interval = std::chrono::hours(1);
  lab.start(ContentAccess::update, options);
  fetch(*lab.store, lab.id, lab.sample, 1);
  auto late = std::make_shared<std::atomic<int>>(1);
  lab.files.set_fault([&, late](Op op, const std::string& path, ByteCount) {
    if (op != Op::sync || path.find("dir/a") == std::string::npos || late->fetch_sub(1) <= 0) return 0;
    feed(*lab.store, lab.id, lab.sample, 2);
    test::must(complete(*lab.store, lab.id, 2));
    return EIO;
  });
  CHECK_FALSE(flush(*lab.store, lab.id).ok());
  (void)flush(*lab.store, lab.id);
  REQUIRE(eventually([&] { return lab.heard->all_lost().size() == 2; }));
  CHECK(lab.heard->all_lost() == std::vector<std::uint32_t>{1, 2});
  CHECK(lab.store->facts(lab.id).durable == 0);
  fetch_all(*lab.store, lab.id, lab.sample);
  REQUIRE(
      eventually([&] { return flush(*lab.store, lab.id).ok() && lab.store->facts(lab.id).durable == lab.sample.layout.piece_count(); }));
  CHECK(lab.is_complete());
}

TEST_CASE("a file server that hangs holds up its own contents, with little memory, and no others") {
  const Sample far({{"f", 16 * MiB}}, 256 * KiB);
  Lab lab;
  lab.put_source();
  lab.files.put("/nas/f", far.bytes[0]);
  lab.start(ContentAccess::read_only);
  const ContentId hung = test::must(lab.store->add(far.spec("/nas", ContentAccess::read_only))).id;
  std::promise<void> answers;
  lab.files.set_fault([answered = answers.get_future().share()](Op op, const std::string& path, ByteCount) {
    if (op == Op::read && path.starts_with("/nas")) answered.wait_for(2 * patience);
    return 0;
  });
  // Four times the memory of the store.
  std::atomic<unsigned> right{0};
  for (std::uint32_t piece = 0; piece < far.layout.piece_count(); ++piece)
    lab.store->read(hung, piece, 0, block, [&right](const Result<Block>& got) { right += got.ok() ? 1 : 0; });
  for (std::uint32_t piece = 0; piece < lab.sample.layout.piece_count(); ++piece) CHECK(read(*lab.store, lab.id, piece, 0, 10).ok());
  CHECK(right == 0);
  answers.set_value();
  CHECK(eventually([&] { return right == far.layout.piece_count(); }));
}

TEST_CASE("a content that is closed while its reads wait for their turn answers all of them, and the others of its device go on") {
  const Sample far({{"f", 16 * MiB}}, 256 * KiB);
  Lab lab;
  lab.files.put("/root/far/f", far.bytes[0]);
  lab.put_source();
  lab.start(ContentAccess::read_only);
  const ContentId closing = test::must(lab.store->add(far.spec("/root/far", ContentAccess::read_only))).id;
  std::promise<void> answers;
  lab.files.set_fault([answered = answers.get_future().share()](Op op, const std::string&, ByteCount) {
    if (op == Op::read) answered.wait_for(2 * patience);
    return 0;
  });
  std::atomic<unsigned> answered{0}, others{0};
  for (std::uint32_t piece = 0; piece < far.layout.piece_count(); ++piece)
    lab.store->read(closing, piece, 0, block, [&answered](const Result<Block>&) { ++answered; });
  for (std::uint32_t piece = 0; piece < lab.sample.layout.piece_count(); ++piece)
    lab.store->read(lab.id, piece, 0, 10, [&others](const Result<Block>& got) { others += got.ok() ? 1 : 0; });
  std::promise<void> closed;
  lab.store->stop(closing, [&closed] { closed.set_value(); });
  answers.set_value();
  wait_for(closed.get_future());
  CHECK(answered == far.layout.piece_count());
  CHECK(eventually([&] { return others == lab.sample.layout.piece_count(); }));
}

TEST_CASE("a disk that never syncs makes nothing durable, and recovers") {
  Lab lab;
  lab.start(ContentAccess::update);
  lab.files.set_fault(errno_for(Op::sync, EIO));
  fetch(*lab.store, lab.id, lab.sample, 0);
  CHECK_FALSE(flush(*lab.store, lab.id).ok());
  REQUIRE(eventually([&] { return lab.heard->problem_count() > 0; }));
  CHECK(lab.store->facts(lab.id).durable == 0);
  lab.files.set_fault({});
  fetch_all(*lab.store, lab.id, lab.sample);
  REQUIRE(
      eventually([&] { return flush(*lab.store, lab.id).ok() && lab.store->facts(lab.id).durable == lab.sample.layout.piece_count(); }));
  CHECK(lab.is_complete());
}

TEST_CASE("a journal that cannot be written leaves pieces undurable until it can") {
  Lab lab;
  lab.start(ContentAccess::update);
  lab.files.set_fault(errno_for(Op::write, ENOSPC, nullptr, "/state/journal"));
  fetch_all(*lab.store, lab.id, lab.sample);
  CHECK_FALSE(flush(*lab.store, lab.id).ok());
  CHECK(lab.store->facts(lab.id).durable == 0);
  lab.files.set_fault({});
  REQUIRE(flush(*lab.store, lab.id).ok());
  CHECK(lab.store->facts(lab.id).durable == lab.sample.layout.piece_count());
  lab.store.reset();
  const Added again = lab.start(ContentAccess::update);
  CHECK(std::count(again.have.begin(), again.have.end(), true) == lab.sample.layout.piece_count());
}

TEST_CASE("many unfinished pieces do not fit: they wait in their files, and all of them get done within the budget") {
  Lab lab(Sample({{"f", 16 * MiB}}, 256 * KiB));
  lab.start(ContentAccess::update, small_store(4 * MiB));
  // Block after block of all 64 pieces in turn: 16 MiB unfinished with 4 MiB of memory.
  for (std::uint32_t offset = 0; offset < 256 * KiB; offset += block)
    for (std::uint32_t piece = 0; piece < 64; ++piece) {
      const std::string bytes = lab.sample.piece(piece).substr(offset, block);
      auto taken = lab.store->write(lab.id, piece, offset, bytes);
      REQUIRE(eventually([&] {
        if (taken == Taken::no) taken = lab.store->write(lab.id, piece, offset, bytes);
        return taken != Taken::no;
      }));
    }
  for (std::uint32_t piece = 0; piece < 64; ++piece) CHECK(test::must(complete(*lab.store, lab.id, piece)) == Verdict::verified);
  CHECK(lab.store->memory().peak() <= lab.store->memory().capacity());
  REQUIRE(flush(*lab.store, lab.id).ok());
  CHECK(lab.is_complete());
}

TEST_CASE("when memory is full and the disk takes nothing, peers are held back, and let go when it does") {
  Lab lab(Sample({{"f", 16 * MiB}}, 256 * KiB));
  lab.start(ContentAccess::update, small_store(4 * MiB));
  std::atomic<int> drained{0};
  lab.store->on_drained([&] { ++drained; });
  lab.files.set_fault(errno_for(Op::write, ENOSPC));
  std::vector<Taken> seen;
  for (std::uint32_t piece = 0; piece < 64; ++piece) seen.push_back(feed(*lab.store, lab.id, lab.sample, piece));
  CHECK(seen.front() == Taken::yes);
  CHECK(std::find(seen.begin(), seen.end(), Taken::pressed) != seen.end());
  CHECK(seen.back() == Taken::no);
  CHECK(lab.store->memory().peak() == lab.store->memory().capacity());
  CHECK(drained == 0);
  lab.files.set_fault({});
  for (std::uint32_t piece = 0; seen[piece] != Taken::no; ++piece)
    CHECK(test::must(complete(*lab.store, lab.id, piece)) == Verdict::verified);
  CHECK(drained > 0);
}

TEST_CASE("a corrupt block of a piece that was spilled is found, and can be read for the one who asks who sent it") {
  Lab lab(Sample({{"f", 16 * MiB}}, 256 * KiB));
  lab.start(ContentAccess::update, small_store(4 * MiB));
  std::string wrong = lab.sample.piece(0);
  wrong[0] = static_cast<char>(wrong[0] ^ 1);
  for (std::uint32_t at = 0; at < wrong.size(); at += block)
    REQUIRE(lab.store->write(lab.id, 0, at, std::string_view(wrong).substr(at, block)) != Taken::no);
  for (std::uint32_t piece = 1; piece < 8; ++piece) (void)feed(*lab.store, lab.id, lab.sample, piece);
  REQUIRE(eventually([&] { return !lab.store->cached(lab.id, 0, 0, block); }));
  CHECK(test::must(complete(*lab.store, lab.id, 0)) == Verdict::corrupt);
  CHECK(test::must(read(*lab.store, lab.id, 0, 0, block)) == wrong.substr(0, block));
  clear(*lab.store, lab.id, 0);
  fetch(*lab.store, lab.id, lab.sample, 0);
}

TEST_CASE("blocks that peers keep leave the rest of the memory to others, and reads go on when they are let go") {
  Lab lab(Sample({{"f", 16 * MiB}}, 256 * KiB));
  lab.put_source();
  lab.start(ContentAccess::read_only, small_store(4 * MiB));
  std::vector<Block> kept;
  Guarded<std::vector<Block>> arrived;
  for (std::uint32_t piece = 0; piece < 64; ++piece)
    for (std::uint32_t offset = 0; offset < 256 * KiB; offset += 64 * KiB)
      lab.store->read(lab.id, piece, offset, block, [&](Result<Block> got) {
        if (got.ok()) arrived.lock()->push_back(std::move(*got));
      });
  std::size_t total = 0;
  REQUIRE(eventually([&] {
    auto some = std::exchange(*arrived.lock(), {});
    total += some.size();
    return total == 64 * 4;
  }));
  CHECK(lab.store->memory().peak() <= lab.store->memory().capacity() / 8 * 7 + 1);
}

TEST_CASE("closing answers everybody who waits") {
  Lab lab(Sample({{"f", 16 * MiB}}, 256 * KiB));
  lab.put_source();
  lab.start(ContentAccess::read_only, small_store(4 * MiB));
  std::atomic<int> answers{0};
  Guarded<std::vector<Block>> kept;  // so that some reads starve
  for (std::uint32_t piece = 0; piece < 64; ++piece)
    lab.store->read(lab.id, piece, 0, block, [&](Result<Block> got) {
      if (got.ok()) kept.lock()->push_back(std::move(*got));
      ++answers;
    });
  stop(*lab.store, lab.id);
  CHECK(answers == 64);
  kept.lock()->clear();
  CHECK(eventually([&] { return lab.store->memory().in_use() == 1; }));
}

TEST_CASE("a handle that has gone stale is not written through again") {
  Lab lab;
  lab.start(ContentAccess::update);
  std::atomic<int> opened{0};
  lab.files.set_fault([&](Op op, const std::string& path, ByteCount) {
    if (path.find("dir/a") == std::string::npos) return 0;
    if (op == Op::open) ++opened;
    return op == Op::write && opened < 3 ? ESTALE : 0;
  });
  fetch_all(*lab.store, lab.id, lab.sample);
  CHECK(opened >= 3);
  lab.files.set_fault({});
  REQUIRE(
      eventually([&] { return flush(*lab.store, lab.id).ok() && lab.store->facts(lab.id).durable == lab.sample.layout.piece_count(); }));
  CHECK(lab.is_complete());
}

TEST_CASE("a piece of our own that can never be read is lost, so that it can be brought again") {
  Lab lab;
  lab.start(ContentAccess::update, small_store(1 * MiB));
  fetch_all(*lab.store, lab.id, lab.sample);
  REQUIRE(flush(*lab.store, lab.id).ok());
  lab.store.reset();
  lab.start(ContentAccess::update);  // nothing is cached
  lab.files.set_fault([](Op op, const std::string& path, ByteCount offset) {
    return op == Op::read && path.find("dir/a") != std::string::npos && offset == 64 * KiB ? EIO : 0;
  });
  CHECK_FALSE(read(*lab.store, lab.id, 1, 0, block).ok());
  CHECK(lab.heard->all_lost() == std::vector<std::uint32_t>{1});
  lab.files.set_fault({});
  fetch(*lab.store, lab.id, lab.sample, 1);
  CHECK(test::must(read(*lab.store, lab.id, 1, 0, block)) == lab.sample.piece(1).substr(0, block));
}

TEST_CASE("reads that wait to be tried again do not keep others of their device waiting") {
  Lab lab;
  lab.put_source();
  StoreOptions options = small_store();
  options.threads = 1;
  options.retry_pause = std::chrono::seconds(2);
  lab.start(ContentAccess::read_only, options);
  lab.files.set_fault(errno_for(Op::read, EIO, nullptr, "dir/a"));
  std::atomic<int> failed{0};
  for (std::uint32_t piece = 0; piece < 4; ++piece)
    lab.store->read(lab.id, piece, 0, block, [&](const Result<Block>& got) { failed += got.ok() ? 0 : 1; });
  CHECK(read(*lab.store, lab.id, 6, 0, block).ok());
  CHECK(failed == 0);
  lab.files.set_fault({});
  stop(*lab.store, lab.id);
}

TEST_CASE("a journal that was to note a piece when it was lost does not note it with the next that it can write") {
  Lab lab;
  StoreOptions options = small_store();
  options.sync_interval = std::chrono::hours(1);
  lab.start(ContentAccess::update, options);
  // From before the piece: the thread that syncs also wakes to close files, and makes durable what is there then.
  lab.files.set_fault(errno_for(Op::write, ENOSPC, nullptr, "/state/journal"));
  fetch(*lab.store, lab.id, lab.sample, 1);
  CHECK_FALSE(flush(*lab.store, lab.id).ok());
  // The bytes are on the disk, and the disk gives back others: the piece is lost when the next sync fails.
  lab.files.flip("/root/dir/a", 64 * KiB + 5);
  lab.files.set_fault(errno_for(Op::sync, EIO, std::make_shared<std::atomic<int>>(1), "dir/a"));
  fetch(*lab.store, lab.id, lab.sample, 2);
  (void)flush(*lab.store, lab.id);
  REQUIRE(eventually([&] { return !lab.heard->all_lost().empty(); }));
  lab.files.set_fault({});
  fetch(*lab.store, lab.id, lab.sample, 5);
  (void)flush(*lab.store, lab.id);
  REQUIRE(eventually([&] { return flush(*lab.store, lab.id).ok(); }));
  lab.store.reset();
  const Added again = lab.start(ContentAccess::update);
  CHECK_FALSE(again.have[1]);
  CHECK(again.have[5]);
}

TEST_CASE("of a content that is said to be complete nothing is hashed or changed, and what decays can be brought again") {
  Lab lab;
  lab.put_source();
  NewContent spec = lab.spec(ContentAccess::update);
  spec.complete = true;
  spec.journal.clear();
  lab.store = std::make_unique<PieceStore>(lab.files, small_store());
  const Added added = test::must(lab.store->add(std::move(spec)));
  lab.id = added.id;
  CHECK(std::count(added.have.begin(), added.have.end(), false) == 0);
  CHECK_FALSE(added.unexplored);
  CHECK(lab.files.counts().bytes_read == 0);
  CHECK(lab.files.counts().writes == 0);
  lab.files.flip("/root/dir/a", 64 * KiB + 5);
  CHECK(read(*lab.store, lab.id, 1, 0, block).error().code == ErrorCode::verification);
  CHECK(lab.heard->all_lost() == std::vector<std::uint32_t>{1});
  fetch(*lab.store, lab.id, lab.sample, 1);
  REQUIRE(flush(*lab.store, lab.id).ok());
  CHECK(lab.is_complete());
  CHECK(lab.store->facts(lab.id).durable == lab.sample.layout.piece_count());
}

}  // namespace shoal::store
