// Blocks become pieces on disk.
#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "store/piece_store_impl.hpp"

namespace shoal::store {
namespace {

using Place = LivePiece::Place;

constexpr unsigned most_spills = 2;             // at a time
constexpr std::chrono::seconds spill_pause{1};  // after one failed
constexpr unsigned told_after = 2;              // attempts, except for a full disk
constexpr std::size_t most_read_back = 16;      // blocks at a time

Error closed() { return fail(ErrorCode::interrupted, "the content is closed"); }

std::vector<std::size_t> blocks_in_memory(const LivePiece& live) {
  std::vector<std::size_t> blocks;
  for (std::size_t i = 0; i < live.blocks.size(); ++i)
    if (live.blocks[i] == Place::memory) blocks.push_back(i);
  return blocks;
}

/// The bytes of a chunk behind the end of the file are padding.
void clear_tail(const LivePiece& live, std::size_t chunk) {
  const std::size_t used = std::min<std::size_t>(ChunkPool::chunk_size, live.length - chunk * ChunkPool::chunk_size);
  std::fill_n(live.chunks[chunk].data() + used, ChunkPool::chunk_size - used, '\0');
}

bool is_block(const LivePiece& live, std::uint32_t offset, std::size_t length) {
  if (offset % block_size != 0 || offset / block_size >= live.blocks.size()) return false;
  return length >= live.block_length(offset / block_size) && length <= block_size;
}

}  // namespace

PieceStore::Taken PieceStore::Impl::write(ContentId id, std::uint32_t piece, std::uint32_t offset, std::string_view bytes) {
  auto state = state_.lock();
  const ContentPtr content = find(*state, id);
  if (!content || content->have.at(piece)) return Taken::yes;
  if (content->read_only()) return Taken::no;
  if (offset >= content->bytes_in(piece)) return Taken::yes;
  LivePtr& slot = content->live[piece];
  if (!slot) slot = std::make_shared<LivePiece>(content->bytes_in(piece));
  LivePiece& live = *slot;
  if (live.completing || live.corrupt) return Taken::ignored;
  if (!is_block(live, offset, bytes.size())) return Taken::no;
  const std::size_t block = offset / block_size;
  if (live.spilling && live.blocks[block] == Place::memory) return Taken::ignored;  // a worker reads it
  if (!hold_chunk(*state, live, block / blocks_per_chunk)) return Taken::no;
  std::copy_n(bytes.data(), live.block_length(block), const_cast<char*>(live.block_data(block)));
  live.blocks[block] = Place::memory;
  live.touched = ++state->ticks;
  if (state->dirty >= spill_limit()) spill_one(*state);
  if (state->dirty >= press_limit()) state->pressed = true;
  return state->pressed ? Taken::pressed : Taken::yes;
}

bool PieceStore::Impl::hold_chunk(State& state, LivePiece& live, std::size_t chunk) {
  if (live.chunks[chunk]) return true;
  std::vector<ChunkRef> taken = pool_.take(1);
  while (taken.empty() && state.cache.evict()) taken = pool_.take(1);
  if (taken.empty()) return false;
  live.chunks[chunk] = std::move(taken.front());
  clear_tail(live, chunk);
  ++live.held;
  ++state.dirty;
  return true;
}

/// The unfinished piece that nothing came for the longest goes to its place in the file, so that others can go on.
void PieceStore::Impl::spill_one(State& state) {
  if (state.spills >= most_spills) return;
  const auto now = std::chrono::steady_clock::now();
  ContentPtr content;
  std::uint32_t piece = 0;
  LivePtr oldest;
  for (const auto& [id, candidate] : state.contents) {
    if (now < candidate->spill_again) continue;
    if (candidate->was_whole) continue;  // what is in its files was verified, and stays so
    for (const auto& [number, live] : candidate->live) {
      if (live->held == 0 || live->completing || live->spilling || live->corrupt) continue;
      if (oldest && oldest->touched <= live->touched) continue;
      content = candidate;
      piece = number;
      oldest = live;
    }
  }
  if (!oldest) return;
  ++state.spills;
  oldest->spilling = true;
  start_job(*content);
  content->lane->queue.push([this, content, piece, oldest] { spill(content, piece, oldest); });
}

void PieceStore::Impl::spill(const ContentPtr& content, std::uint32_t piece, const LivePtr& live) {
  const auto blocks = state_.with([&](State&) { return blocks_in_memory(*live); });
  const Status written = write_blocks(*content, piece, *live, blocks);
  if (written.ok()) failpoint("store.spilled");
  end_spill(content, piece, live, blocks, written);
  if (!written.ok()) trouble(*content, written.error());
  end_job(*content);
}

/// Peers that are held back bring nothing that would start the next one.
void PieceStore::Impl::spill_on(const ContentPtr& content) {
  state_.with([&](State& state) {
    if (!content->stopping && state.dirty >= spill_limit()) spill_one(state);
  });
}

/// Neighbours go in one call for each file.
Status PieceStore::Impl::write_blocks(StoredContent& content, std::uint32_t piece, const LivePiece& live,
                                      const std::vector<std::size_t>& blocks) {
  for (std::size_t i = 0; i < blocks.size();) {
    std::vector<iovec> buffers;
    const std::size_t first = blocks[i];
    std::uint32_t length = 0;
    for (; i < blocks.size() && blocks[i] == first + buffers.size(); ++i) {
      buffers.push_back({const_cast<char*>(live.block_data(blocks[i])), live.block_length(blocks[i])});
      length += static_cast<std::uint32_t>(live.block_length(blocks[i]));
    }
    SHOAL_CHECK(
        content.files->write(content.news.layout.parts(piece, static_cast<std::uint32_t>(live.block_begin(first)), length), buffers));
  }
  return {};
}

void PieceStore::Impl::end_spill(const ContentPtr& content, std::uint32_t piece, const LivePtr& live,
                                 const std::vector<std::size_t>& blocks, const Status& written) {
  Calls calls;
  const bool ok = written.ok();
  std::vector<Fingerprint> came(ok ? live->blocks.size() : 0);
  for (const std::size_t block : blocks)
    if (ok) came[block] = fingerprint({live->block_data(block), live->block_length(block)});
  state_.with([&](State& state) {
    --state.spills;
    live->spilling = false;
    if (!ok) content->spill_again = std::chrono::steady_clock::now() + spill_pause;
    else content->in_trouble = false;
    if (ok) live->spilled.resize(live->blocks.size());
    for (const std::size_t block : blocks) {
      if (!ok) break;
      live->blocks[block] = Place::disk;
      live->spilled[block] = came[block];
    }
    for (std::size_t chunk = 0; chunk < live->chunks.size(); ++chunk) {
      const auto begin = live->blocks.begin() + static_cast<std::ptrdiff_t>(chunk * blocks_per_chunk);
      const auto end = live->blocks.end() - begin < std::ptrdiff_t{blocks_per_chunk} ? live->blocks.end() : begin + blocks_per_chunk;
      if (!live->chunks[chunk] || std::find(begin, end, Place::memory) != end) continue;
      live->chunks[chunk] = {};
      --live->held;
      --state.dirty;
    }
    if (live->cleared || content->stopping) {
      calls = std::exchange(live->cleared_callbacks, {});
      for (auto& completion : std::exchange(live->completions, {}))
        calls.push_back([call = std::move(completion)] { call(fail(ErrorCode::interrupted, "the piece is forgotten")); });
      drop(state, *content, piece);
    } else if (live->completing) {
      start_completion(content, piece, live);
    }
    check_drained(state, calls);
    if (ok && state.dirty >= spill_limit()) spill_one(state);
  });
  // Only now that `spill_again` is set: a retry that came before it would find that it is too early, and be the last.
  if (!ok) content->lane->queue.push_after(spill_pause, [this, content] { spill_on(content); });
  for (auto& call : calls) call();
}

void PieceStore::Impl::complete(ContentId id, std::uint32_t piece, VerdictCallback callback) {
  std::optional<Result<Verdict>> at_once;
  {
    auto state = state_.lock();
    const ContentPtr content = find(*state, id);
    auto live = content ? content->live.find(piece) : decltype(content->live.end()){};
    if (!content) {
      at_once = closed();
    } else if (content->have.at(piece)) {
      at_once = Verdict::verified;
    } else if (live != content->live.end()) {
      live->second->completions.push_back(std::move(callback));
      const bool under_way = std::exchange(live->second->completing, true);
      if (!under_way && !live->second->spilling) start_completion(content, piece, live->second);
    } else if (!content->unexplored[piece] && !may_be_in_older(*content, piece)) {
      at_once = Verdict::corrupt;
    } else {
      start_job(*content);
      content->lane->queue.push([this, content, piece, call = std::move(callback)] { explore(content, piece, call); });
    }
  }
  if (at_once) callback(std::move(*at_once));
}

/// With the lock held.
void PieceStore::Impl::start_completion(const ContentPtr& content, std::uint32_t piece, const LivePtr& live) {
  start_job(*content);
  content->lane->queue.push([this, content, piece, live] { check_piece(content, piece, live, 0); });
}

void PieceStore::Impl::check_piece(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, unsigned attempt) {
  if (live->has(Place::absent)) return settle(content, piece, live, Verdict::corrupt);
  PieceCheck check = content->check(piece);
  const Status read = feed(*content, piece, *live, [&](std::string_view bytes) { check.update(bytes); });
  if (!read.ok() && read.error().code == ErrorCode::verification) {
    lose_blocks(content, piece, live, read.error());
  } else if (!read.ok()) {
    const auto job = [this, content, piece, live, attempt] { check_piece(content, piece, live, attempt + 1); };
    if (!again(content, read.error(), attempt, job)) settle(content, piece, live, closed());
  } else if (!check.is_right()) {
    reject(content, piece, live);
  } else {
    write_piece(content, piece, live, 0);
  }
}

/// Of a piece that is not right. Where it has its digest all the same, nobody sent anything wrong: the release contradicts itself, and
/// fetching goes on for ever if nobody says so.
void PieceStore::Impl::reject(const ContentPtr& content, std::uint32_t piece, const LivePtr& live) {
  crypto::Sha256Hasher hasher;
  const Status read = feed(*content, piece, *live, [&](std::string_view bytes) { hasher.update(bytes); });
  if (!content->news.proof || !read.ok() || hasher.finish() != content->news.pieces[piece])
    return settle(content, piece, live, Verdict::corrupt);
  const Error why = fail(ErrorCode::verification, content->name(content->parts(piece).front().file) +
                                                      ": the bytes that the release describes do not have the SHA-256 that it names");
  if (content->news.events.problem) content->news.events.problem(why);
  settle(content, piece, live, why);
}

/// The bytes of a piece, in order. Blocks that were spilled are read back, without memory of the budget. `verification`: they are not
/// what came.
Status PieceStore::Impl::feed(StoredContent& content, std::uint32_t piece, const LivePiece& live,
                              const std::function<void(std::string_view)>& use) {
  std::vector<char> scratch;
  for (std::size_t i = 0; i < live.blocks.size();) {
    if (live.blocks[i] == Place::memory) {
      use({live.block_data(i), live.block_length(i)});
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < live.blocks.size() && end - i < most_read_back && live.blocks[end] == Place::disk) ++end;
    SHOAL_CHECK(read_spilled(content, piece, live, i, end - i, scratch));
    use({scratch.data(), scratch.size()});
    i = end;
  }
  return {};
}

/// Neighbours.
Status PieceStore::Impl::read_spilled(StoredContent& content, std::uint32_t piece, const LivePiece& live, std::size_t first,
                                      std::size_t count, std::vector<char>& bytes) {
  const std::size_t begin = live.block_begin(first), last = first + count - 1;
  bytes.resize(live.block_begin(last) + live.block_length(last) - begin);
  const auto parts = content.news.layout.parts(piece, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(bytes.size()));
  const iovec buffer{bytes.data(), bytes.size()};
  SHOAL_CHECK(content.files->read(parts, {&buffer, 1}));
  for (std::size_t i = first; i <= last; ++i)
    if (fingerprint({bytes.data() + live.block_begin(i) - begin, live.block_length(i)}) != live.spilled[i])
      return fail(ErrorCode::verification, content.name(parts.front().file) + ": bytes of an unfinished piece were lost on the disk");
  return {};
}

/// What was set down on the disk is not there any more: whoever sent it did nothing wrong. Who asked gets no verdict, and hears that the
/// piece is lost.
void PieceStore::Impl::lose_blocks(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, const Error& why) {
  log::warn("blocks_lost", {{"piece", piece}, {"why", why.message}});
  state_.with([&](State&) { std::fill(live->blocks.begin(), live->blocks.end(), Place::absent); });
  start_job(*content);
  settle(content, piece, live, fail(ErrorCode::interrupted, why.message));
  if (content->news.events.lost) content->news.events.lost({piece}, why);
  end_job(*content);
}

/// What is verified is not given up: it is tried until it is written, and memory that fills up holds the peers back meanwhile.
void PieceStore::Impl::write_piece(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, unsigned attempt) {
  const Status written = write_blocks(*content, piece, *live, blocks_in_memory(*live));
  if (written.ok()) {
    failpoint("store.written");
    return settle(content, piece, live, Verdict::verified);
  }
  const auto job = [this, content, piece, live, attempt] { write_piece(content, piece, live, attempt + 1); };
  if (!again(content, written.error(), attempt, job)) settle(content, piece, live, closed());
}

/// False where the content is being closed.
bool PieceStore::Impl::again(const ContentPtr& content, const Error& why, unsigned attempt, std::function<void()> job) {
  if (state_.with([&](State&) { return content->stopping; })) return false;
  if (attempt >= told_after || why.code == ErrorCode::no_space) trouble(*content, why);
  content->lane->queue.push_after(pause(attempt), std::move(job));
  return true;
}

/// The end of a completion.
void PieceStore::Impl::settle(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, Result<Verdict> verdict) {
  Calls calls;
  state_.with([&](State& state) {
    live->completing = false;
    for (auto& completion : std::exchange(live->completions, {}))
      calls.push_back([call = std::move(completion), verdict] { call(verdict); });
    const bool verified = verdict.ok() && verdict.value() == Verdict::verified;
    live->corrupt = verdict.ok() && !verified && !live->has(Place::absent);
    if (verified) tally_.written += live->length;
    if (verified) ++tally_.verified;
    if (live->corrupt) ++tally_.failed;
    if (verified) keep(state, *content, piece, *live);
    // Where blocks are missing nobody lied: who asked re-checks everything, and the piece begins anew.
    if (verified || live->has(Place::absent) || live->cleared || content->stopping) drop(state, *content, piece);
    for (auto& call : live->cleared_callbacks) calls.push_back(std::move(call));
    live->cleared_callbacks.clear();
    check_drained(state, calls);
  });
  for (auto& call : calls) call();
  end_job(*content);
}

void PieceStore::Impl::keep(State& state, StoredContent& content, std::uint32_t piece, LivePiece& live) {
  content.have[piece] = true;
  content.unexplored[piece] = false;
  content.written.insert(piece);
  note_unsynced(*content.lane);
  content.was_whole |= ++content.facts.have == content.have.size();
  content.in_trouble = false;
  if (!live.all_in(Place::memory)) return;
  // It changes sides, from unfinished to cached, and stays only where the cache has room for it.
  const std::size_t limit = clean_limit(state);
  const auto clean_then = [&] { return pool_.in_use() - std::min(state.dirty, pool_.in_use()) + live.held; };
  while (clean_then() > limit && state.cache.evict()) {}
  if (clean_then() > limit) return;
  state.dirty -= std::exchange(live.held, 0);
  state.cache.insert(static_cast<std::uint32_t>(content.id), piece, std::move(live.chunks));
  live.chunks.clear();
}

/// With the lock held. The memory goes when the last block of it has been sent.
void PieceStore::Impl::drop(State& state, StoredContent& content, std::uint32_t piece) {
  auto it = content.live.find(piece);
  if (it == content.live.end()) return;
  state.dirty -= std::exchange(it->second->held, 0);
  content.live.erase(it);
}

void PieceStore::Impl::clear(ContentId id, std::uint32_t piece, std::function<void()> callback) {
  Calls calls;
  state_.with([&](State& state) {
    const ContentPtr content = find(state, id);
    auto live = content ? content->live.find(piece) : decltype(content->live.end()){};
    if (content && live != content->live.end() && (live->second->completing || live->second->spilling)) {
      live->second->cleared = true;
      live->second->cleared_callbacks.push_back(std::move(callback));
      return;
    }
    if (content) drop(state, *content, piece);
    calls.push_back(std::move(callback));
    check_drained(state, calls);
  });
  for (auto& call : calls) call();
}

void PieceStore::Impl::check_drained(State& state, Calls& calls) {
  if (!state.pressed || state.dirty > drain_limit()) return;
  state.pressed = false;
  if (drained_) calls.push_back(drained_);
}

}  // namespace shoal::store
