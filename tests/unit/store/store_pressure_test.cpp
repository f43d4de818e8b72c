// More than fits into memory: what waits on the disk, and who waits for it.
#include <doctest/doctest.h>

#include <atomic>

#include "fault_lab.hpp"

namespace shoal::store {
namespace {

using namespace testing;
using test::Op;
using Taken = PieceStore::Taken;

/// 64 pieces of four chunks.
Sample many_pieces() { return Sample({{"f", 16 * MiB}}, 256 * KiB); }

Taken put_block(Lab& lab, std::uint32_t piece, std::uint32_t offset) {
  return lab.store->write(lab.id, piece, offset, lab.sample.piece(piece).substr(offset, block));
}

/// A block of one piece after the other, until the store has enough. The pieces that have one.
std::uint32_t put_until_pressed(Lab& lab) {
  for (std::uint32_t piece = 0; piece < 60; ++piece)
    if (put_block(lab, piece, 0) == Taken::pressed) return piece + 1;
  return 0;
}

/// Unfinished blocks of piece 0 lie on the disk and not in memory.
void spill_piece_0(Lab& lab) {
  REQUIRE(put_block(lab, 0, 0) == Taken::yes);
  REQUIRE(put_block(lab, 0, block) == Taken::yes);
  for (std::uint32_t piece = 1; piece < 20; ++piece) (void)put_block(lab, piece, 0);
  REQUIRE(eventually([&] { return !lab.store->cached(lab.id, 0, 0, block) && !lab.store->cached(lab.id, 0, block, block); }));
}

void put_rest(Lab& lab, std::uint32_t piece) {
  for (std::uint32_t offset = 2 * block; offset < 256 * KiB; offset += block) REQUIRE(put_block(lab, piece, offset) != Taken::no);
}

}  // namespace

TEST_CASE("peers that are held back are let go when the disk has taken enough, though nobody brings anything meanwhile") {
  Lab lab(many_pieces());
  lab.start(ContentAccess::update, small_store(4 * MiB));
  std::atomic<int> drained{0};
  lab.store->on_drained([&] { ++drained; });
  std::promise<void> goes_on;
  lab.files.set_fault([slow = goes_on.get_future().share()](Op op, const std::string&, ByteCount) {
    if (op == Op::write) slow.wait_for(2 * patience);
    return 0;
  });
  REQUIRE(put_until_pressed(lab) > 0);
  CHECK(drained == 0);
  goes_on.set_value();
  CHECK(eventually([&] { return drained == 1; }));
}

TEST_CASE("a disk that takes no blocks of unfinished pieces is told of, and peers are let go when it does") {
  Lab lab(many_pieces());
  lab.start(ContentAccess::update, small_store(4 * MiB));
  std::atomic<int> drained{0};
  lab.store->on_drained([&] { ++drained; });
  lab.files.set_fault(errno_for(Op::write, ENOSPC));
  REQUIRE(put_until_pressed(lab) > 0);
  REQUIRE(eventually([&] { return lab.heard->problem_count() == 1; }));
  CHECK(lab.heard->problems.lock()->front().code == ErrorCode::no_space);
  CHECK(drained == 0);
  lab.files.set_fault({});
  CHECK(eventually([&] { return drained == 1; }));
}

TEST_CASE("blocks that were set down and lost in a failed sync are nobody's lie: there is no verdict, and the piece is brought again") {
  Lab lab(many_pieces());
  StoreOptions options = small_store(4 * MiB);
  options.sync_interval = std::chrono::hours(1);
  lab.start(ContentAccess::update, options);
  spill_piece_0(lab);
  lab.files.set_fault(errno_for(Op::sync, EIO, std::make_shared<std::atomic<int>>(1), "/root/f"));
  fetch(*lab.store, lab.id, lab.sample, 63);
  (void)flush(*lab.store, lab.id);
  lab.files.set_fault({});
  put_rest(lab, 0);
  const auto verdict = complete(*lab.store, lab.id, 0);
  REQUIRE_FALSE(verdict.ok());
  CHECK(verdict.error().code == ErrorCode::interrupted);
  REQUIRE(eventually([&] {
    const auto lost = lab.heard->all_lost();
    return std::find(lost.begin(), lost.end(), 0U) != lost.end();
  }));
  fetch(*lab.store, lab.id, lab.sample, 0);
}

TEST_CASE("a piece that was partly set down and came as it should be is verified, however it lies") {
  Lab lab(many_pieces());
  lab.start(ContentAccess::update, small_store(4 * MiB));
  spill_piece_0(lab);
  put_rest(lab, 0);
  CHECK(test::must(complete(*lab.store, lab.id, 0)) == Verdict::verified);
  CHECK(test::must(read(*lab.store, lab.id, 0, 3 * block, block)) == lab.sample.piece(0).substr(3 * block, block));
}

TEST_CASE("of a content that was whole once no unfinished piece is set down: somebody may look at its files") {
  Lab lab(many_pieces());
  lab.put_source();
  NewContent spec = lab.spec(ContentAccess::update);
  spec.complete = true;
  spec.journal.clear();
  lab.store = std::make_unique<PieceStore>(lab.files, small_store(4 * MiB));
  lab.id = test::must(lab.store->add(std::move(spec))).id;
  for (std::uint32_t piece = 0; piece < 40; ++piece) lab.files.flip("/root/f", piece * 256 * KiB);
  for (std::uint32_t piece = 0; piece < 40; ++piece) CHECK_FALSE(read(*lab.store, lab.id, piece, 0, block).ok());
  const std::string before = lab.files.get("/root/f");
  for (std::uint32_t piece = 0; piece < 40; ++piece)
    for (std::uint32_t offset = 0; offset < 2 * block; offset += block) lab.store->write(lab.id, piece, offset, std::string(block, 'x'));
  fetch(*lab.store, lab.id, lab.sample, 39);
  CHECK(lab.files.get("/root/f").substr(0, 39 * 256 * KiB) == before.substr(0, 39 * 256 * KiB));
}

}  // namespace shoal::store
