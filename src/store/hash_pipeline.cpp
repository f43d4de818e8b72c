#include "store/hash_pipeline.hpp"

#include <algorithm>
#include <thread>

#include "store/piece_digests.hpp"
#include "store/read_rate.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t usual_chunk = 4 * MiB;
constexpr std::size_t usual_memory = 64 * MiB;
constexpr std::size_t most_memory = 256 * MiB;
// Chunks of one file in memory before a free worker turns to the next file.
constexpr unsigned chunks_ahead = 4;
// Bytes are hashed when they are read, while the second cache has them.
constexpr std::size_t bite = 256 * KiB;

std::size_t chunk_size_for(std::uint32_t piece_length) {
  return piece_length >= usual_chunk ? piece_length : usual_chunk / piece_length * piece_length;
}

std::size_t buffers_for(std::size_t chunk_size, unsigned threads) {
  std::size_t wanted = std::max(usual_memory / chunk_size, std::size_t{threads} * 2);
  return std::max<std::size_t>(2, std::min(wanted, most_memory / chunk_size));
}

}  // namespace

Error changed_error(const fs::path& path) {
  return fail(shown(path) + " changed while it was hashed; publish it when nothing writes to it any more");
}

Result<SourceFile> open_unchanged(const fs::path& path, const FileStamp& stamp) {
  Result<SourceFile> source = SourceFile::open(path);
  if (!source.ok() && source.error().code == ErrorCode::not_found) return changed_error(path);
  if (!source.ok()) return fail(ErrorCode::usage, "cannot be read: " + source.error().message);
  Result<FileStamp> now = source.value().stamp();
  if (!now.ok() || now.value() != stamp) return changed_error(path);
  return source;
}

void ProgressMeter::advance(ByteCount bytes) {
  done_ += bytes;
  if (!report_) return;
  std::unique_lock lock(calling_, std::try_to_lock);
  if (lock) report_(done_.load());
}

void ProgressMeter::finish() {
  std::lock_guard lock(calling_);
  if (report_) report_(done_.load());
}

unsigned thread_count(const HashOptions& options) {
  return options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
}

void run_on_threads(unsigned threads, const std::function<void()>& work) {
  std::vector<std::jthread> pool;
  for (unsigned i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
}

HashPipeline::HashPipeline(const fs::path& root, const Layout& layout, const HashOptions& options, const std::vector<FileStamp>& stamps,
                           ProgressMeter& progress, TreeHashes& hashes)
    : root_(root),
      layout_(layout),
      options_(options),
      stamps_(stamps),
      chunk_size_(chunk_size_for(layout.piece_length())),
      most_buffers_(buffers_for(chunk_size_, thread_count(options))),
      progress_(progress),
      hashes_(hashes) {
  for (std::uint32_t file = 0; file < layout.files().size(); ++file) known_.push_back(layout.is_packed(file));
}

void HashPipeline::use_known() {
  if (!options_.known) return;
  for (std::uint32_t file = 0; file < stamps_.size(); ++file) {
    if (stamps_[file].size == 0 || known_[file] || options_.stop.stop_requested()) continue;
    auto hashes = options_.known(file, stamps_[file]);
    if (!hashes || hashes->pieces.size() != layout_.pieces_of(file)) continue;
    hashes_.files[file] = hashes->file;
    std::copy(hashes->pieces.begin(), hashes->pieces.end(), hashes_.pieces.begin() + layout_.first_piece(file));
    known_[file] = true;
    progress_.advance(stamps_[file].size);
  }
}

void HashPipeline::teach(std::uint32_t file) const {
  if (!options_.learned) return;
  const auto first = hashes_.pieces.begin() + layout_.first_piece(file);
  options_.learned(file, stamps_[file], {hashes_.files[file], {first, first + layout_.pieces_of(file)}});
}

Status HashPipeline::run() {
  use_known();
  run_on_threads(thread_count(options_), [this] { work(); });
  if (options_.stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted while hashing " + shown(root_));
  if (auto failure = state_.with([](State& state) { return state.failure; })) return *failure;
  return {};
}

void HashPipeline::work() {
  try {
    while (true) {
      Job job = next_job();
      if (auto* read_job = std::get_if<ReadJob>(&job)) {
        if (Status status = read(*read_job); !status.ok()) fail_with(std::move(status).error());
      } else if (auto* link_job = std::get_if<LinkJob>(&job)) {
        link(*link_job);
      } else {
        return;
      }
    }
  } catch (const std::exception& error) {
    fail_with(fail("hashing " + shown(root_) + ": " + error.what()));
  }
}

HashPipeline::Job HashPipeline::next_job() {
  auto state = state_.lock();
  while (true) {
    if (state->failure || options_.stop.stop_requested()) return {};
    if (auto job = next_link(*state)) return *job;
    if (auto job = next_read(*state)) return *job;
    if (state->open.empty() && state->next_file == layout_.files().size()) return {};
    changed_.wait(state.lock());
  }
}

std::optional<HashPipeline::LinkJob> HashPipeline::next_link(State& state) {
  for (auto& [number, file] : state.open) {
    auto next = file.ready.find(file.next_link);
    if (file.linking || next == file.ready.end()) continue;
    LinkJob job{next->second, file.hasher};
    file.ready.erase(next);
    file.linking = true;
    return job;
  }
  return std::nullopt;
}

std::optional<HashPipeline::ReadJob> HashPipeline::next_read(State& state) {
  if (state.buffers == most_buffers_) return std::nullopt;
  std::uint32_t number = 0;
  OpenFile* file = file_to_read(state, number);
  if (file == nullptr) return std::nullopt;
  return start_read(state, number, *file);
}

HashPipeline::OpenFile* HashPipeline::file_to_read(State& state, std::uint32_t& number) {
  OpenFile* fallback = nullptr;
  for (auto& [candidate, file] : state.open) {
    if (!file.source || file.next_read == layout_.files()[candidate].size) continue;
    if (fallback != nullptr && file.chunks >= fallback->chunks) continue;
    fallback = &file;
    number = candidate;
    if (file.chunks < chunks_ahead) return fallback;
  }
  while (state.next_file < layout_.files().size() && (layout_.files()[state.next_file].size == 0 || known_[state.next_file]))
    ++state.next_file;
  if (state.next_file == layout_.files().size()) return fallback;
  number = state.next_file++;
  return &state.open[number];
}

HashPipeline::ReadJob HashPipeline::start_read(State& state, std::uint32_t number, OpenFile& file) {
  ByteCount size = layout_.files()[number].size;
  auto chunk = std::make_shared<Chunk>();
  chunk->file = number;
  chunk->offset = file.next_read;
  chunk->length = std::min<ByteCount>(chunk_size_, size - file.next_read);
  chunk->users = fits_one_piece(number) ? 1 : 2;
  if (!state.spare.empty()) {
    chunk->buffer = std::move(state.spare.back());
    state.spare.pop_back();
  }
  ++state.buffers;
  ++file.chunks;
  file.next_read += chunk->length;
  if (fits_one_piece(number)) file.next_link = size;
  if (!fits_one_piece(number) && !file.hasher) file.hasher = std::make_shared<crypto::Sha256Chain>();
  return {std::move(chunk), file.source};
}

Result<std::shared_ptr<const SourceFile>> HashPipeline::open(std::uint32_t file) {
  SHOAL_TRY(SourceFile source, open_unchanged(path_of(file), stamps_[file]));
  auto shared = std::make_shared<const SourceFile>(std::move(source));
  state_.with([&](State& state) { state.open.at(file).source = shared; });
  changed_.notify_all();
  return shared;
}

Status HashPipeline::read(ReadJob& job) {
  if (!job.source) {
    SHOAL_TRY(job.source, open(job.chunk->file));
  }
  Chunk& chunk = *job.chunk;
  if (options_.rate != nullptr) options_.rate->wait(chunk.length, options_.stop);
  if (options_.stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted");
  if (!chunk.buffer) chunk.buffer = std::make_unique_for_overwrite<char[]>(chunk_size_);
  SHOAL_CHECK(read_and_hash(*job.source, chunk));
  progress_.advance(chunk.length);
  if (chunk.users == 2) {
    state_.with([&](State& state) { state.open.at(chunk.file).ready.emplace(chunk.offset, job.chunk); });
    changed_.notify_all();
  }
  done_with(job.chunk);
  return {};
}

Status HashPipeline::read_and_hash(const SourceFile& source, Chunk& chunk) {
  const auto first = layout_.first_piece(chunk.file) + static_cast<std::uint32_t>(chunk.offset / layout_.piece_length());
  PieceDigests digests(layout_, first, hashes_.pieces);
  for (std::size_t at = 0; at < chunk.length; at += bite) {
    const std::size_t count = std::min(bite, chunk.length - at);
    SHOAL_TRY(std::size_t got, source.read(chunk.offset + at, {chunk.buffer.get() + at, count}));
    if (options_.rate != nullptr) options_.rate->count(got);
    if (got != count) return changed_error(path_of(chunk.file));
    digests.update({chunk.buffer.get() + at, count});
  }
  digests.finish();
  if (fits_one_piece(chunk.file)) hashes_.files[chunk.file] = hashes_.pieces[first].sha256;
  return {};
}

void HashPipeline::link(LinkJob& job) {
  const Chunk& chunk = *job.chunk;
  const std::uint32_t first = layout_.first_piece(chunk.file) + static_cast<std::uint32_t>(chunk.offset / layout_.piece_length());
  const ByteCount size = layout_.files()[chunk.file].size;
  for (std::size_t at = 0, piece = first; at < chunk.length; at += layout_.piece_length(), ++piece) {
    job.hasher->update({chunk.buffer.get() + at, std::min<std::size_t>(layout_.piece_length(), chunk.length - at)});
    if (chunk.offset + at + layout_.piece_length() < size) hashes_.pieces[piece].after = job.hasher->state();
  }
  ByteCount reached = chunk.offset + chunk.length;
  if (reached == size) hashes_.files[chunk.file] = job.hasher->finish();
  state_.with([&](State& state) {
    OpenFile& file = state.open.at(chunk.file);
    file.next_link = reached;
    file.linking = false;
  });
  done_with(job.chunk);
}

void HashPipeline::done_with(const ChunkPtr& chunk) {
  const bool file_done = state_.with([&](State& state) { return --chunk->users == 0 && release(state, chunk); });
  changed_.notify_all();
  if (file_done) teach(chunk->file);
}

bool HashPipeline::release(State& state, const ChunkPtr& chunk) {
  state.spare.push_back(std::move(chunk->buffer));
  --state.buffers;
  auto entry = state.open.find(chunk->file);
  OpenFile& file = entry->second;
  ByteCount size = layout_.files()[chunk->file].size;
  if (--file.chunks != 0 || file.next_link != size || file.next_read != size) return false;
  state.open.erase(entry);
  return true;
}

void HashPipeline::fail_with(Error error) {
  state_.with([&](State& state) {
    if (!state.failure) state.failure = std::move(error);
  });
  changed_.notify_all();
}

}  // namespace shoal::store
