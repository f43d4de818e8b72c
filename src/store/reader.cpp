#include "store/reader.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::store {
namespace {

constexpr unsigned read_attempts = 5;

std::size_t chunks_for(std::uint32_t length) { return (length + ChunkPool::chunk_size - 1) / ChunkPool::chunk_size; }

std::vector<iovec> buffers_for(const Chunks& chunks, std::uint32_t length) {
  std::vector<iovec> buffers;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const std::size_t begin = i * ChunkPool::chunk_size;
    buffers.push_back({chunks[i].data(), std::min<std::size_t>(ChunkPool::chunk_size, length - begin)});
  }
  return buffers;
}

/// Behind the file's bytes there are zeroes, as padding is.
void pad(const std::vector<iovec>& buffers) {
  for (const iovec& buffer : buffers) {
    auto* data = static_cast<char*>(buffer.iov_base);
    std::fill(data + buffer.iov_len, data + ChunkPool::chunk_size, '\0');
  }
}

template <class Hasher>
auto digest(const std::vector<iovec>& buffers) {
  Hasher hasher;
  for (const iovec& buffer : buffers) hasher.update({static_cast<const char*>(buffer.iov_base), buffer.iov_len});
  return hasher.finish();
}

}  // namespace

Reader::Reader(ChunkPool& pool, Contents& contents, StoreTally& tally) : pool_(pool), contents_(contents), tally_(tally) {
  zeroes_ = std::move(pool_.take(1).at(0));
  std::fill_n(zeroes_.data(), ChunkPool::chunk_size, '\0');
  pool_.on_free([this] { wake_starved(); });
}

void Reader::end() {
  pool_.watch(false);
  feeder_.stop();
}

void Reader::close(StoreState& state, StoredContent& content, Calls& calls) {
  auto& reading = state.of(content).reading;
  const auto drop = [&](const auto& waiting) {
    if (waiting.first.get() != &content) return false;
    for (auto& read : reading[waiting.second])
      calls.push_back([call = std::move(read.callback)] { call(fail(ErrorCode::interrupted, "the content is closed")); });
    reading.erase(waiting.second);
    return true;
  };
  std::erase_if(state.of(*content.lane).waiting, drop);
  // One of the lane that waits for memory may be what would have let the next of the lane begin.
  if (std::erase_if(state.starved, drop) > 0) wake_starved();
}

/// A block lies in one chunk, unless it was asked for at an odd place.
std::optional<Block> Reader::cut(const Chunks& chunks, std::uint32_t offset, std::uint32_t length) {
  const std::size_t index = offset / ChunkPool::chunk_size;
  const std::size_t within = offset % ChunkPool::chunk_size;
  const auto chunk = [&](std::size_t i) -> const ChunkRef& { return i < chunks.size() ? chunks[i] : zeroes_; };
  if (length > ChunkPool::chunk_size || !chunk(index)) return std::nullopt;
  if (within + length <= ChunkPool::chunk_size) return Block{chunk(index), chunk(index).data() + within, length};
  std::vector<ChunkRef> joined = pool_.take(1);
  if (joined.empty() || !chunk(index + 1)) return std::nullopt;
  const std::size_t first = ChunkPool::chunk_size - within;
  std::copy_n(chunk(index).data() + within, first, joined[0].data());
  std::copy_n(chunk(index + 1).data(), length - first, joined[0].data() + first);
  char* data = joined[0].data();
  return Block{std::move(joined[0]), data, length};
}

std::optional<Block> Reader::find_block(StoreState& state, StoredContent& content, std::uint32_t piece, std::uint32_t offset,
                                        std::uint32_t length) {
  if (const Chunks* chunks = state.memory.cache().find(content.key(), piece)) return cut(*chunks, offset, length);
  const auto& pieces = state.of(content).live;
  auto live = pieces.find(piece);
  if (live == pieces.end()) return std::nullopt;
  const std::uint32_t end = std::min(offset + length, live->second->length);
  for (std::uint32_t at = offset; at < end; at = (at / block_size + 1) * block_size)
    if (live->second->blocks[at / block_size] != LivePiece::Place::memory) return std::nullopt;
  return cut(live->second->chunks, offset, length);
}

std::optional<Block> Reader::cached(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length) {
  auto state = contents_.lock();
  const ContentPtr content = state->find(id);
  if (!content) return std::nullopt;
  auto block = find_block(*state, *content, piece, offset, length);
  if (block) ++tally_.hits;
  return block;
}

void Reader::read(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length, BlockCallback callback) {
  WaitingRead waiting{offset, length, std::move(callback)};
  std::optional<Result<Block>> at_once;
  {
    auto state = contents_.lock();
    const ContentPtr content = state->find(id);
    if (content) at_once = begin(*state, content, piece, waiting);
    else at_once = fail(ErrorCode::interrupted, "the content is closed");
  }
  if (at_once) waiting.callback(std::move(*at_once));
}

/// The answer, or nothing where `waiting` was taken and is answered later.
std::optional<Result<Block>> Reader::begin(StoreState& state, const ContentPtr& content, std::uint32_t piece, WaitingRead& waiting) {
  ContentState& mine = state.of(*content);
  if (auto block = find_block(state, *content, piece, waiting.offset, waiting.length)) {
    ++tally_.hits;
    return Result<Block>(std::move(*block));
  }
  if (auto live = mine.live.find(piece); live != mine.live.end()) {
    state.start_job(*content);
    content->lane->queue.push_front([this, content, piece, held = live->second, waiting = std::move(waiting)]() mutable {
      read_partial(content, piece, held, std::move(waiting));
    });
    return std::nullopt;
  }
  if (!mine.have.at(piece)) return Result<Block>(fail(ErrorCode::not_found, "piece " + std::to_string(piece) + " is not there"));
  ++tally_.misses;
  const bool is_new = !mine.reading.contains(piece);
  mine.reading[piece].push_back(std::move(waiting));
  if (is_new) {
    start_read(state, content, piece);
    read_ahead(state, content, piece);
  }
  return std::nullopt;
}

/// Memory is given only to reads that a worker can begin soon.
void Reader::start_read(StoreState& state, const ContentPtr& content, std::uint32_t piece) {
  LaneState& lane = state.of(*content->lane);
  if (lane.reads >= content->lane->most_reads) {
    lane.waiting.emplace_back(content, piece);
    return;
  }
  const std::size_t count = chunks_for(content->bytes_in(piece));
  auto chunks = state.memory.take_clean(count);
  if (!chunks) {
    pool_.watch(true);
    chunks = state.memory.take_clean(count);  // what became free before we watched
  }
  if (!chunks) {
    state.starved.emplace_back(content, piece);
    return;
  }
  ++lane.reads;
  state.start_job(*content);
  content->lane->queue.push_front([this, job = Job{content, piece, std::move(*chunks)}]() mutable { read_piece(std::move(job)); });
}

/// One piece ahead of a reader that goes through a file in order, if that pushes nothing out.
void Reader::read_ahead(StoreState& state, const ContentPtr& content, std::uint32_t piece) {
  ContentState& mine = state.of(*content);
  const bool in_order = mine.last_read + 1 == piece;
  mine.last_read = piece;
  const std::uint32_t next = piece + 1;
  if (!in_order || next >= mine.have.size() || !mine.have[next] || !content->spec.layout.continues(next)) return;
  if (state.memory.cache().contains(content->key(), next) || mine.reading.contains(next)) return;
  if (!state.memory.has_clean_room(chunks_for(content->bytes_in(next)))) return;
  mine.reading[next];  // those who ask meanwhile wait for it
  start_read(state, content, next);
  mine.last_read = next;
}

void Reader::wake_starved() {
  if (!woken_.exchange(true)) feeder_.push([this] { start_starved(); });
}

void Reader::start_starved() {
  woken_ = false;
  auto state = contents_.lock();
  auto waiting = std::exchange(state->starved, {});
  pool_.watch(false);
  for (auto& [content, piece] : waiting)
    if (!state->of(*content).stopping) start_read(*state, content, piece);
  for (auto& [device, lane] : state->lanes) start_waiting(*state, *lane);
}

void Reader::start_waiting(StoreState& state, Lane& lane) {
  LaneState& mine = state.of(lane);
  while (!mine.waiting.empty() && mine.reads < lane.most_reads) {
    const auto [content, piece] = std::move(mine.waiting.front());
    mine.waiting.pop_front();
    start_read(state, content, piece);
  }
}

/// Its memory is free again, or in the cache.
void Reader::end_read(const ContentPtr& content) {
  contents_.with([&](StoreState& state) {
    --state.of(*content->lane).reads;
    start_waiting(state, *content->lane);
  });
  contents_.end_job(*content);
}

void Reader::read_piece(Job job) {
  const auto parts = job.content->parts(job.piece);
  const std::uint32_t length = job.content->bytes_in(job.piece);
  if (Status got = job.content->files->read(parts, buffers_for(job.chunks, length)); !got.ok())
    return read_failed(std::move(job), std::move(got).error());
  tally_.read += length;
  if (is_right(*job.content, job.piece, buffers_for(job.chunks, length))) {
    pad(buffers_for(job.chunks, length));
    return read_done(std::move(job));
  }
  job.content->files->drop_cache(parts);
  if (!std::exchange(job.reread, true)) return read_piece(std::move(job));
  Error error = wrong_bytes(*job.content, job.piece);
  read_failed(std::move(job), std::move(error));
}

/// The fingerprint is enough where there is one that fits; the SHA-256 has the last word.
bool Reader::is_right(StoredContent& content, std::uint32_t piece, const std::vector<iovec>& bytes) {
  const Fingerprint known = contents_.with([&](StoreState& state) { return state.of(content).fingerprints[piece]; });
  const Fingerprint found = digest<FingerprintHasher>(bytes);
  if (known.is_known() && found == known) return true;
  if (digest<crypto::Sha256Hasher>(bytes) != content.spec.pieces[piece]) return false;
  contents_.with([&](StoreState& state) { state.of(content).fingerprints[piece] = found; });
  return true;
}

/// Wrong bytes are final; what cannot be read now may be readable soon, above all on a NAS.
void Reader::read_failed(Job job, Error error) {
  const bool stopping = contents_.is_stopping(*job.content);
  if (error.code != ErrorCode::verification && job.attempt + 1 < read_attempts && !stopping) {
    log::debug("read_retried", {{"reason", error.message}});
    return read_again(std::move(job));
  }
  const ContentPtr content = job.content;
  job.chunks.clear();
  const std::uint32_t piece = job.piece;
  // A file of our own that cannot be read is as good as one that is wrong: it can be fetched and written again.
  const bool unreadable = error.code != ErrorCode::verification && !content->read_only() && !stopping;
  if (unreadable || error.code == ErrorCode::verification) contents_.lose(content, {piece}, error);
  if (unreadable) error.code = ErrorCode::not_found;
  answer(content, piece, {}, std::move(error));
  end_read(content);
}

/// Others read meanwhile: of a file server only one file may be out of order.
void Reader::read_again(Job job) {
  Lane& lane = *job.content->lane;
  contents_.with([&](StoreState& state) {
    --state.of(lane).reads;
    start_waiting(state, lane);
  });
  const auto wait = contents_.pause(job.attempt++);
  lane.queue.push_after(wait, [this, &lane, job = std::move(job)]() mutable {
    contents_.with([&](StoreState& state) { ++state.of(lane).reads; });
    read_piece(std::move(job));
  });
}

void Reader::read_done(Job job) {
  contents_.with([&](StoreState& state) {
    const ContentState& mine = state.of(*job.content);
    if (mine.have[job.piece] && !mine.stopping) state.memory.cache().insert(job.content->key(), job.piece, job.chunks);
  });
  answer(job.content, job.piece, job.chunks, {});
  const ContentPtr content = job.content;
  job.chunks.clear();
  // Waiting reads may push out the piece that has just gone into the cache.
  if (contents_.with([](const StoreState& state) { return !state.starved.empty(); })) wake_starved();
  end_read(content);
}

void Reader::answer(const ContentPtr& content, std::uint32_t piece, const Chunks& chunks, const Status& status) {
  auto node = contents_.with([&](StoreState& state) { return state.of(*content).reading.extract(piece); });
  if (node.empty()) return;
  for (auto& waiting : node.mapped()) {
    if (!status.ok()) {
      waiting.callback(status.error());
      continue;
    }
    auto block = cut(chunks, waiting.offset, waiting.length);
    if (block) waiting.callback(std::move(*block));
    else waiting.callback(fail("no memory for a block of " + std::to_string(waiting.length) + " bytes"));
  }
}

/// A spilled block that the disk lost must not pass for what its sender sent.
bool Reader::is_what_came(const LivePiece& live, const WaitingRead& read, const char* data) {
  const std::size_t block = read.offset / block_size;
  return contents_.with([&](StoreState&) {
    if (read.offset % block_size != 0 || block >= live.spilled.size() || read.length != live.block_length(block)) return true;
    return live.blocks[block] != LivePiece::Place::disk || fingerprint({data, read.length}) == live.spilled[block];
  });
}

/// A block of an unfinished piece that was spilled: someone wants to know who sent it.
void Reader::read_partial(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, WaitingRead waiting) {
  Result<Block> result = fail(ErrorCode::not_found, "the block is not there");
  std::vector<ChunkRef> chunk = pool_.take(1);
  if (!chunk.empty() && waiting.offset + waiting.length <= live->length && waiting.length <= ChunkPool::chunk_size) {
    char* data = chunk[0].data();
    const iovec buffer{data, waiting.length};
    const auto parts = content->spec.layout.parts(piece, waiting.offset, waiting.length);
    if (content->files->read(parts, {&buffer, 1}).ok() && is_what_came(*live, waiting, data))
      result = Block{std::move(chunk[0]), data, waiting.length};
  }
  waiting.callback(std::move(result));
  contents_.end_job(*content);
}

}  // namespace shoal::store
