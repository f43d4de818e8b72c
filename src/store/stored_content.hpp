// What the store knows of one content. Internal to the store.
#pragma once

#include <set>
#include <unordered_map>

#include "store/content_files.hpp"
#include "store/piece_cache.hpp"
#include "store/piece_store.hpp"
#include "store/read_lane.hpp"

namespace shoal::store {

inline constexpr std::uint32_t block_size = 16 * KiB;
inline constexpr std::uint32_t blocks_per_chunk = ChunkPool::chunk_size / block_size;

/// A piece whose blocks arrive, or that is being hashed and written. While `completing` or `spilling`, a worker reads the chunks without
/// the lock: nothing that is there changes then.
struct LivePiece {
  enum class Place : std::uint8_t { absent, memory, disk };
  explicit LivePiece(std::uint32_t bytes)
      : length(bytes),
        chunks((bytes + ChunkPool::chunk_size - 1) / ChunkPool::chunk_size),
        blocks((bytes + block_size - 1) / block_size, Place::absent) {}

  std::size_t block_begin(std::size_t block) const { return block * block_size; }
  std::size_t block_length(std::size_t block) const { return std::min<std::size_t>(block_size, length - block_begin(block)); }
  const char* block_data(std::size_t block) const {
    return chunks[block / blocks_per_chunk].data() + block % blocks_per_chunk * block_size;
  }
  bool all_in(Place place) const {
    return std::all_of(blocks.begin(), blocks.end(), [place](Place p) { return p == place; });
  }
  bool has(Place place) const { return std::find(blocks.begin(), blocks.end(), place) != blocks.end(); }

  const std::uint32_t length;  // without padding
  Chunks chunks;               // empty where no block is in memory
  std::vector<Place> blocks;
  std::vector<Fingerprint> spilled;  // of the blocks on disk, as they came; empty where none was
  std::size_t held = 0;              // chunks in memory
  std::uint64_t touched = 0;         // when the last block came
  bool spilling = false;
  bool completing = false;
  bool corrupt = false;
  bool cleared = false;
  std::vector<PieceStore::VerdictCallback> completions;  // more than one where a re-check asks, too
  std::vector<std::function<void()>> cleared_callbacks;
};

struct WaitingRead {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  PieceStore::BlockCallback callback;
};

struct OlderFiles {
  const OlderContent& content;
  std::unique_ptr<ContentFiles> files;
};

struct StoredContent {
  StoredContent(ContentId i, NewContent n)
      : id(i), news(std::move(n)), have(news.pieces.size()), unexplored(news.pieces.size()), fingerprints(news.fingerprints) {
    fingerprints.resize(news.pieces.size());
  }

  bool read_only() const { return news.access == Access::read_only; }
  std::uint32_t bytes_in(std::uint32_t piece) const { return news.layout.bytes_in(piece); }
  std::vector<FilePart> parts(std::uint32_t piece) const { return news.layout.parts(piece); }
  PieceCheck check(std::uint32_t piece) const { return {news.layout, news.pieces[piece], news.proof, piece}; }
  std::string name(std::uint32_t file) const { return news.layout.files()[file].path; }

  // Set before others see it.
  const ContentId id;
  const NewContent news;
  Lane* lane = nullptr;
  std::unique_ptr<ContentFiles> files;
  std::vector<std::unique_ptr<OlderFiles>> older;  // refer to `news`
  std::unordered_map<Sha256, std::pair<OlderFiles*, std::uint32_t>> older_pieces;
  std::unordered_map<Sha256, std::pair<OlderFiles*, std::uint32_t>> older_files;  // those shorter than a piece, by their digests

  // Under the store's lock.
  std::vector<bool> have;
  std::vector<bool> unexplored;           // the file may hold it
  std::vector<Fingerprint> fingerprints;  // of pieces that were read and found right
  std::unordered_map<std::uint32_t, std::shared_ptr<LivePiece>> live;
  std::unordered_map<std::uint32_t, std::vector<WaitingRead>> reading;
  std::uint32_t last_read = UINT32_MAX;
  std::set<std::uint32_t> written;       // not durable yet
  std::set<std::uint32_t> syncing;       // ... and taken by the syncing thread
  std::vector<std::uint32_t> forgotten;  // to be struck from the journal
  std::vector<std::function<void(Status)>> flushes;
  std::vector<std::function<void()>> stops;
  ContentFacts facts;
  unsigned jobs = 0;
  bool stopping = false;
  bool in_trouble = false;  // a problem was told and is not over
  bool was_whole = false;   // all was there once: somebody may look at the files
  std::chrono::steady_clock::time_point spill_again{};

  // Of the syncing thread.
  std::unique_ptr<Journal> journal;
  std::set<std::uint32_t> suspect;  // files of which a sync failed once
};
using ContentPtr = std::shared_ptr<StoredContent>;

}  // namespace shoal::store
