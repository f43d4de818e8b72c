#include "store/incoming.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"

namespace shoal::store {
namespace {

using Place = LivePiece::Place;

constexpr unsigned most_spills = 2;             // at a time
constexpr std::chrono::seconds spill_pause{1};  // after one failed
constexpr unsigned told_after = 2;              // attempts, except for a full disk

Error closed() { return fail(ErrorCode::interrupted, "the content is closed"); }

/// The bytes of a chunk behind the end of the file are padding.
void clear_tail(const LivePiece& live, std::size_t chunk) {
  const std::size_t used = std::min<std::size_t>(ChunkPool::chunk_size, live.length - chunk * ChunkPool::chunk_size);
  std::fill_n(live.chunks[chunk].data() + used, ChunkPool::chunk_size - used, '\0');
}

bool is_block(const LivePiece& live, std::uint32_t offset, std::size_t length) {
  if (offset % block_size != 0 || offset / block_size >= live.blocks.size()) return false;
  return length >= live.block_length(offset / block_size) && length <= block_size;
}

LivePiece* find_live(StoreState& state, StoredContent& content, std::uint32_t piece) {
  auto& pieces = state.of(content).live;
  auto it = pieces.find(piece);
  return it == pieces.end() ? nullptr : it->second.get();
}

}  // namespace

Taken Incoming::write(ContentId id, std::uint32_t piece, std::uint32_t offset, std::string_view bytes) {
  auto state = contents_.lock();
  const ContentPtr content = state->find(id);
  if (!content || state->of(*content).have.at(piece)) return Taken::yes;
  if (content->read_only()) return Taken::no;
  if (offset >= content->bytes_in(piece)) return Taken::yes;
  LivePtr& slot = state->of(*content).live[piece];
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
  if (state->memory.dirty() >= spill_limit()) spill_one(*state);
  if (state->memory.dirty() >= press_limit()) state->pressed = true;
  return state->pressed ? Taken::pressed : Taken::yes;
}

bool Incoming::hold_chunk(StoreState& state, LivePiece& live, std::size_t chunk) {
  if (live.chunks[chunk]) return true;
  ChunkRef taken = state.memory.take_dirty();
  if (!taken) return false;
  live.chunks[chunk] = std::move(taken);
  clear_tail(live, chunk);
  ++live.held;
  return true;
}

/// The unfinished piece that nothing came for the longest goes to its place in the file, so that others can go on.
void Incoming::spill_one(StoreState& state) {
  if (state.spills >= most_spills) return;
  const auto now = std::chrono::steady_clock::now();
  ContentPtr content;
  std::uint32_t piece = 0;
  LivePtr oldest;
  for (const auto& [id, candidate] : state.contents) {
    const ContentState& mine = state.of(*candidate);
    if (now < mine.spill_again) continue;
    if (mine.was_whole) continue;  // what is in its files was verified, and stays so
    for (const auto& [number, live] : mine.live) {
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
  state.start_job(*content);
  content->lane->queue.push([this, content, piece, oldest] { spill(content, piece, oldest); });
}

void Incoming::spill(const ContentPtr& content, std::uint32_t piece, const LivePtr& live) {
  const auto blocks = contents_.with([&](StoreState&) { return blocks_in_memory(*live); });
  const Status written = write_blocks(*content->files, content->spec.layout, piece, *live, blocks);
  if (written.ok()) failpoint("store.spilled");
  end_spill(content, piece, live, blocks, written);
  if (!written.ok()) contents_.report_problem(*content, written.error());
  contents_.end_job(*content);
}

/// Peers that are held back bring nothing that would start the next one.
void Incoming::spill_next(const ContentPtr& content) {
  contents_.with([&](StoreState& state) {
    if (!state.of(*content).stopping && state.memory.dirty() >= spill_limit()) spill_one(state);
  });
}

void Incoming::end_spill(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, const std::vector<std::size_t>& blocks,
                         const Status& written) {
  Calls calls;
  const bool ok = written.ok();
  std::vector<Fingerprint> came(ok ? live->blocks.size() : 0);
  for (const std::size_t block : blocks)
    if (ok) came[block] = fingerprint({live->block_data(block), live->block_length(block)});
  contents_.with([&](StoreState& state) {
    ContentState& mine = state.of(*content);
    --state.spills;
    live->spilling = false;
    if (!ok) mine.spill_again = std::chrono::steady_clock::now() + spill_pause;
    else mine.has_problem = false;
    if (ok) note_spilled(*live, blocks, came);
    state.memory.release_dirty(free_spilled_chunks(*live));
    if (live->cleared || mine.stopping) {
      calls = std::exchange(live->cleared_callbacks, {});
      for (auto& completion : std::exchange(live->completions, {}))
        calls.push_back([call = std::move(completion)] { call(fail(ErrorCode::interrupted, "the piece is forgotten")); });
      forget(state, *content, piece);
    } else if (live->completing) {
      start_completion(state, content, piece, live);
    }
    check_drained(state, calls);
    if (ok && state.memory.dirty() >= spill_limit()) spill_one(state);
  });
  // Only now that `spill_again` is set: a retry that came before it would find that it is too early, and be the last.
  if (!ok) content->lane->queue.push_after(spill_pause, [this, content] { spill_next(content); });
  for (auto& call : calls) call();
}

void Incoming::complete(ContentId id, std::uint32_t piece, VerdictCallback callback) {
  std::optional<Result<Verdict>> at_once;
  {
    auto state = contents_.lock();
    const ContentPtr content = state->find(id);
    if (content) at_once = begin_completion(*state, content, piece, callback);
    else at_once = closed();
  }
  if (at_once) callback(std::move(*at_once));
}

/// The verdict, or nothing where `callback` was taken and is called later.
std::optional<Result<Verdict>> Incoming::begin_completion(StoreState& state, const ContentPtr& content, std::uint32_t piece,
                                                          VerdictCallback& callback) {
  ContentState& mine = state.of(*content);
  if (mine.have.at(piece)) return Result<Verdict>(Verdict::verified);
  if (auto live = mine.live.find(piece); live != mine.live.end()) {
    live->second->completions.push_back(std::move(callback));
    const bool under_way = std::exchange(live->second->completing, true);
    if (!under_way && !live->second->spilling) start_completion(state, content, piece, live->second);
    return std::nullopt;
  }
  if (!Explorer::may_find(state, *content, piece)) return Result<Verdict>(Verdict::corrupt);
  state.start_job(*content);
  content->lane->queue.push([this, content, piece, call = std::move(callback)] { explorer_.explore(content, piece, call); });
  return std::nullopt;
}

void Incoming::start_completion(StoreState& state, const ContentPtr& content, std::uint32_t piece, const LivePtr& live) {
  state.start_job(*content);
  content->lane->queue.push([this, content, piece, live] { check_piece(content, piece, live, 0); });
}

void Incoming::check_piece(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, unsigned attempt) {
  if (live->has(Place::absent)) return finish(content, piece, live, Verdict::corrupt);
  PieceCheck check = content->check(piece);
  const Status read =
      for_all_bytes(*content->files, content->spec.layout, piece, *live, [&](std::string_view bytes) { check.update(bytes); });
  if (!read.ok() && read.error().code == ErrorCode::verification) {
    lose_blocks(content, piece, live, read.error());
  } else if (!read.ok()) {
    const auto job = [this, content, piece, live, attempt] { check_piece(content, piece, live, attempt + 1); };
    if (!retry(content, read.error(), attempt, job)) finish(content, piece, live, closed());
  } else if (!check.is_right()) {
    reject(content, piece, live);
  } else {
    write_piece(content, piece, live, 0);
  }
}

/// Of a piece that is not right. Where it has its digest all the same, nobody sent anything wrong: the release contradicts itself, and
/// fetching goes on for ever if nobody says so.
void Incoming::reject(const ContentPtr& content, std::uint32_t piece, const LivePtr& live) {
  crypto::Sha256Hasher hasher;
  const Status read =
      for_all_bytes(*content->files, content->spec.layout, piece, *live, [&](std::string_view bytes) { hasher.update(bytes); });
  if (!content->spec.proof || !read.ok() || hasher.finish() != content->spec.pieces[piece])
    return finish(content, piece, live, Verdict::corrupt);
  const Error why = fail(ErrorCode::verification, content->name(content->parts(piece).front().file) +
                                                      ": the bytes that the release describes do not have the SHA-256 that it names");
  if (content->spec.events.problem) content->spec.events.problem(why);
  finish(content, piece, live, why);
}

/// Spilled blocks are gone from the disk. Their senders did nothing wrong, so there is no verdict: the piece is reported as lost.
void Incoming::lose_blocks(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, const Error& why) {
  log::warn("blocks_lost", {{"piece", piece}, {"reason", why.message}});
  contents_.with([&](StoreState& state) {
    std::fill(live->blocks.begin(), live->blocks.end(), Place::absent);
    state.start_job(*content);
  });
  finish(content, piece, live, fail(ErrorCode::interrupted, why.message));
  if (content->spec.events.lost) content->spec.events.lost({piece}, why);
  contents_.end_job(*content);
}

/// Retries until the piece is written: it is verified, and worth keeping. Memory that fills up meanwhile holds the peers back.
void Incoming::write_piece(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, unsigned attempt) {
  const Status written = write_blocks(*content->files, content->spec.layout, piece, *live, blocks_in_memory(*live));
  if (written.ok()) {
    failpoint("store.written");
    return finish(content, piece, live, Verdict::verified);
  }
  const auto job = [this, content, piece, live, attempt] { write_piece(content, piece, live, attempt + 1); };
  if (!retry(content, written.error(), attempt, job)) finish(content, piece, live, closed());
}

/// False where the content is being closed.
bool Incoming::retry(const ContentPtr& content, const Error& why, unsigned attempt, std::function<void()> job) {
  if (contents_.is_stopping(*content)) return false;
  if (attempt >= told_after || why.code == ErrorCode::no_space) contents_.report_problem(*content, why);
  content->lane->queue.push_after(contents_.pause(attempt), std::move(job));
  return true;
}

/// The end of a completion.
void Incoming::finish(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, Result<Verdict> verdict) {
  Calls calls;
  contents_.with([&](StoreState& state) {
    live->completing = false;
    for (auto& completion : std::exchange(live->completions, {}))
      calls.push_back([call = std::move(completion), verdict] { call(verdict); });
    const bool verified = verdict.ok() && verdict.value() == Verdict::verified;
    live->corrupt = verdict.ok() && !verified && !live->has(Place::absent);
    if (verified) tally_.written += live->length;
    if (verified) ++tally_.verified;
    if (live->corrupt) ++tally_.failed;
    if (verified) keep(state, *content, piece, *live);
    // Where blocks are missing nobody lied: the caller re-checks everything, and the piece starts over.
    if (verified || live->has(Place::absent) || live->cleared || state.of(*content).stopping) forget(state, *content, piece);
    for (auto& call : live->cleared_callbacks) calls.push_back(std::move(call));
    live->cleared_callbacks.clear();
    check_drained(state, calls);
  });
  for (auto& call : calls) call();
  contents_.end_job(*content);
}

void Incoming::keep(StoreState& state, StoredContent& content, std::uint32_t piece, LivePiece& live) {
  ContentState& mine = state.of(content);
  mine.have[piece] = true;
  mine.unexplored[piece] = false;
  mine.written.insert(piece);
  state.note_unsynced(*content.lane);
  mine.was_whole |= ++mine.facts.have == mine.have.size();
  mine.has_problem = false;
  // It changes sides, from unfinished to cached, and stays only where the cache has room for it.
  if (!live.all_in(Place::memory) || !state.memory.make_clean(live.held)) return;
  live.held = 0;
  state.memory.cache().insert(content.key(), piece, std::move(live.chunks));
  live.chunks.clear();
}

/// The memory goes when the last block of it has been sent.
void Incoming::forget(StoreState& state, StoredContent& content, std::uint32_t piece) {
  auto& pieces = state.of(content).live;
  auto it = pieces.find(piece);
  if (it == pieces.end()) return;
  state.memory.release_dirty(std::exchange(it->second->held, 0));
  pieces.erase(it);
}

void Incoming::clear(ContentId id, std::uint32_t piece, std::function<void()> callback) {
  Calls calls;
  contents_.with([&](StoreState& state) {
    const ContentPtr content = state.find(id);
    LivePiece* live = content ? find_live(state, *content, piece) : nullptr;
    if (live != nullptr && (live->completing || live->spilling)) {
      live->cleared = true;
      live->cleared_callbacks.push_back(std::move(callback));
      return;
    }
    if (content) forget(state, *content, piece);
    calls.push_back(std::move(callback));
    check_drained(state, calls);
  });
  for (auto& call : calls) call();
}

void Incoming::close(StoreState& state, StoredContent& content, Calls& calls) {
  std::vector<std::uint32_t> idle;
  for (const auto& [piece, live] : state.of(content).live)
    if (!live->completing && !live->spilling) idle.push_back(piece);
  for (const auto piece : idle) forget(state, content, piece);
  check_drained(state, calls);
}

void Incoming::check_drained(StoreState& state, Calls& calls) {
  if (!state.pressed || state.memory.dirty() > drain_limit()) return;
  state.pressed = false;
  if (drained_) calls.push_back(drained_);
}

}  // namespace shoal::store
