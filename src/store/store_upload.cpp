// The cache, and reads from the disk.
#include <algorithm>

#include "base/log.hpp"
#include "store/piece_store_impl.hpp"

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

/// Chunks that the cache, reads and blocks on their way out may have together. The rest is for what arrives.
std::size_t PieceStore::Impl::clean_limit(const State& state) const {
  return state.updating > 0 ? pool_.capacity() / 2 : pool_.capacity() / 8 * 7;
}

/// A block lies in one chunk, unless it was asked for at an odd place.
std::optional<Block> PieceStore::Impl::cut(const Chunks& chunks, std::uint32_t offset, std::uint32_t length) {
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

std::optional<Block> PieceStore::Impl::find_block(State& state, StoredContent& content, std::uint32_t piece, std::uint32_t offset,
                                                  std::uint32_t length) {
  if (const Chunks* chunks = state.cache.find(static_cast<std::uint32_t>(content.id), piece)) return cut(*chunks, offset, length);
  auto live = content.live.find(piece);
  if (live == content.live.end()) return std::nullopt;
  const std::uint32_t end = std::min(offset + length, live->second->length);
  for (std::uint32_t at = offset; at < end; at = (at / block_size + 1) * block_size)
    if (live->second->blocks[at / block_size] != LivePiece::Place::memory) return std::nullopt;
  return cut(live->second->chunks, offset, length);
}

std::optional<Block> PieceStore::Impl::cached(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length) {
  auto state = state_.lock();
  const ContentPtr content = find(*state, id);
  if (!content) return std::nullopt;
  auto block = find_block(*state, *content, piece, offset, length);
  if (block) ++tally_.hits;
  return block;
}

void PieceStore::Impl::read(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length, BlockCallback callback) {
  std::optional<Result<Block>> at_once;
  {
    auto state = state_.lock();
    const ContentPtr content = find(*state, id);
    auto live = content ? content->live.find(piece) : decltype(content->live.end()){};
    if (!content) {
      at_once = fail(ErrorCode::interrupted, "the content is closed");
    } else if (auto block = find_block(*state, *content, piece, offset, length)) {
      ++tally_.hits;
      at_once = std::move(*block);
    } else if (live != content->live.end()) {
      start_job(*content);
      content->lane->queue.push_front(
          [this, content, piece, held = live->second, waiting = WaitingRead{offset, length, std::move(callback)}]() mutable {
            read_partial(content, piece, held, std::move(waiting));
          });
    } else if (!content->have.at(piece)) {
      at_once = fail(ErrorCode::not_found, "piece " + std::to_string(piece) + " is not there");
    } else {
      ++tally_.misses;
      const bool is_new = !content->reading.contains(piece);
      content->reading[piece].push_back({offset, length, std::move(callback)});
      if (is_new) {
        start_read(*state, content, piece);
        read_ahead(*state, content, piece);
      }
    }
  }
  if (at_once) callback(std::move(*at_once));
}

/// Memory for a whole piece, or nothing: readers that each hold a part would wait for each other.
std::optional<Chunks> PieceStore::Impl::take_clean(State& state, std::size_t count) {
  const auto clean = [&] { return pool_.in_use() - std::min(state.dirty, pool_.in_use()); };
  while (true) {
    if (clean() + count <= clean_limit(state)) {
      Chunks chunks = pool_.take(count);
      if (chunks.size() == count) return chunks;
    }
    if (!state.cache.evict()) return std::nullopt;
  }
}

/// With the lock held. Memory is given only to reads that a worker can begin soon.
void PieceStore::Impl::start_read(State& state, const ContentPtr& content, std::uint32_t piece) {
  Lane& lane = *content->lane;
  if (lane.reads >= lane.most_reads) {
    lane.waiting.emplace_back(content, piece);
    return;
  }
  const std::size_t count = chunks_for(content->bytes_in(piece));
  auto chunks = take_clean(state, count);
  if (!chunks) {
    pool_.watch(true);
    chunks = take_clean(state, count);  // what became free before we watched
  }
  if (!chunks) {
    state.starved.emplace_back(content, piece);
    return;
  }
  ++lane.reads;
  start_job(*content);
  lane.queue.push_front([this, job = ReadJob{content, piece, std::move(*chunks)}]() mutable { read_piece(std::move(job)); });
}

/// One piece ahead of a reader that goes through a file in order, if that pushes nothing out.
void PieceStore::Impl::read_ahead(State& state, const ContentPtr& content, std::uint32_t piece) {
  const bool in_order = content->last_read + 1 == piece;
  content->last_read = piece;
  const std::uint32_t next = piece + 1;
  if (!in_order || next >= content->have.size() || !content->have[next] || !content->news.layout.continues(next)) return;
  if (state.cache.contains(static_cast<std::uint32_t>(content->id), next) || content->reading.contains(next)) return;
  const std::size_t count = chunks_for(content->bytes_in(next));
  if (pool_.in_use() - std::min(state.dirty, pool_.in_use()) + count > clean_limit(state)) return;
  content->reading[next];  // those who ask meanwhile wait for it
  start_read(state, content, next);
  content->last_read = next;
}

void PieceStore::Impl::wake_starved() {
  if (!feeding_.exchange(true)) feeder_->push([this] { feed_starved(); });
}

void PieceStore::Impl::feed_starved() {
  feeding_ = false;
  auto state = state_.lock();
  auto waiting = std::exchange(state->starved, {});
  pool_.watch(false);
  for (auto& [content, piece] : waiting)
    if (!content->stopping) start_read(*state, content, piece);
  for (auto& [device, lane] : state->lanes) feed(*state, *lane);
}

/// With the lock held.
void PieceStore::Impl::feed(State& state, Lane& lane) {
  while (!lane.waiting.empty() && lane.reads < lane.most_reads) {
    const auto [content, piece] = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    start_read(state, content, piece);
  }
}

/// Its memory is free again, or in the cache.
void PieceStore::Impl::end_read(const ContentPtr& content) {
  state_.with([&](State& state) {
    --content->lane->reads;
    feed(state, *content->lane);
  });
  end_job(*content);
}

void PieceStore::Impl::read_piece(ReadJob job) {
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

/// Which file of several it is, their own digests tell to whoever verifies them.
Error PieceStore::Impl::wrong_bytes(const StoredContent& content, std::uint32_t piece) {
  const auto parts = content.parts(piece);
  const FilePart& first = parts.front();
  if (parts.size() == 1)
    return fail(ErrorCode::verification,
                content.name(first.file) + ": the bytes from " + std::to_string(first.offset) + " on are not those that were published");
  return fail(ErrorCode::verification, content.name(first.file) + " or one of the " + std::to_string(parts.size() - 1) +
                                           " files behind it in piece " + std::to_string(piece) + " is not what was published");
}

/// The fingerprint is enough where there is one that fits; the SHA-256 has the last word.
bool PieceStore::Impl::is_right(StoredContent& content, std::uint32_t piece, const std::vector<iovec>& bytes) {
  const Fingerprint known = state_.with([&](State&) { return content.fingerprints[piece]; });
  const Fingerprint found = digest<FingerprintHasher>(bytes);
  if (known.is_known() && found == known) return true;
  if (digest<crypto::Sha256Hasher>(bytes) != content.news.pieces[piece]) return false;
  state_.with([&](State&) { content.fingerprints[piece] = found; });
  return true;
}

/// Wrong bytes are final; what cannot be read now may be readable soon, above all on a NAS.
void PieceStore::Impl::read_failed(ReadJob job, Error error) {
  const bool stopping = state_.with([&](State&) { return job.content->stopping; });
  if (error.code != ErrorCode::verification && job.attempt + 1 < read_attempts && !stopping) {
    log::debug("read_retried", {{"why", error.message}});
    return read_again(std::move(job));
  }
  const ContentPtr content = job.content;
  job.chunks.clear();
  const std::uint32_t piece = job.piece;
  // A file of our own that cannot be read is as good as one that is wrong: it can be written anew.
  const bool unreadable = error.code != ErrorCode::verification && !content->read_only() && !stopping;
  if (unreadable || error.code == ErrorCode::verification) lose(content, {piece}, error);
  if (unreadable) error.code = ErrorCode::not_found;
  answer(content, piece, {}, std::move(error));
  end_read(content);
}

/// Others read meanwhile: of a file server only one file may be out of order.
void PieceStore::Impl::read_again(ReadJob job) {
  Lane& lane = *job.content->lane;
  state_.with([&](State& state) {
    --lane.reads;
    feed(state, lane);
  });
  const auto wait = pause(job.attempt++);
  lane.queue.push_after(wait, [this, &lane, job = std::move(job)]() mutable {
    state_.with([&](State&) { ++lane.reads; });
    read_piece(std::move(job));
  });
}

void PieceStore::Impl::read_done(ReadJob job) {
  state_.with([&](State& state) {
    if (job.content->have[job.piece] && !job.content->stopping)
      state.cache.insert(static_cast<std::uint32_t>(job.content->id), job.piece, job.chunks);
  });
  answer(job.content, job.piece, job.chunks, {});
  const ContentPtr content = job.content;
  job.chunks.clear();
  // What we have just put into the cache is what those who wait may push out.
  if (state_.with([](const State& state) { return !state.starved.empty(); })) wake_starved();
  end_read(content);
}

void PieceStore::Impl::answer(const ContentPtr& content, std::uint32_t piece, const Chunks& chunks, const Status& status) {
  auto node = state_.with([&](State&) { return content->reading.extract(piece); });
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
bool PieceStore::Impl::is_what_came(const LivePiece& live, const WaitingRead& read, const char* data) {
  const std::size_t block = read.offset / block_size;
  return state_.with([&](State&) {
    if (read.offset % block_size != 0 || block >= live.spilled.size() || read.length != live.block_length(block)) return true;
    return live.blocks[block] != LivePiece::Place::disk || fingerprint({data, read.length}) == live.spilled[block];
  });
}

/// A block of an unfinished piece that was spilled: someone wants to know who sent it.
void PieceStore::Impl::read_partial(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, WaitingRead waiting) {
  Result<Block> result = fail(ErrorCode::not_found, "the block is not there");
  std::vector<ChunkRef> chunk = pool_.take(1);
  if (!chunk.empty() && waiting.offset + waiting.length <= live->length && waiting.length <= ChunkPool::chunk_size) {
    char* data = chunk[0].data();
    const iovec buffer{data, waiting.length};
    const auto parts = content->news.layout.parts(piece, waiting.offset, waiting.length);
    if (content->files->read(parts, {&buffer, 1}).ok() && is_what_came(*live, waiting, data))
      result = Block{std::move(chunk[0]), data, waiting.length};
  }
  waiting.callback(std::move(result));
  end_job(*content);
}

}  // namespace shoal::store
