// The inside of the piece store: one lock, workers, and a thread that syncs. Internal to the store.
//   piece_store.cpp     contents come and go
//   store_download.cpp  blocks become pieces on disk
//   store_explore.cpp   pieces that are there already, here or in an older content
//   store_upload.cpp    the cache and reads
//   store_sync.cpp      durability
//   store_scrub.cpp     the slow walk that finds decay
#pragma once

#include <atomic>
#include <deque>
#include <thread>

#include "crypto/digest.hpp"
#include "store/stored_content.hpp"
#include "store/work_queue.hpp"

namespace shoal::store {

class PieceStore::Impl {
 public:
  Impl(FileLayer& files, StoreOptions options, ChunkPool& pool);
  ~Impl();

  Result<Added> add(NewContent content);
  Taken write(ContentId id, std::uint32_t piece, std::uint32_t offset, std::string_view bytes);
  void complete(ContentId id, std::uint32_t piece, VerdictCallback callback);
  void clear(ContentId id, std::uint32_t piece, std::function<void()> callback);
  std::optional<Block> cached(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length);
  void read(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length, BlockCallback callback);
  void flush(ContentId id, std::function<void(Status)> callback);
  void stop(ContentId id, std::function<void()> callback);
  ContentFacts facts(ContentId id) const;
  StoreCounters counters() const { return {tally_.verified, tally_.failed, tally_.hits, tally_.misses, tally_.read, tally_.written}; }
  void on_drained(std::function<void()> call) { drained_ = std::move(call); }
  std::size_t open_files() const { return open_files_.count(); }

 private:
  using LivePtr = std::shared_ptr<LivePiece>;
  struct State {
    std::map<ContentId, ContentPtr> contents;
    std::map<std::uint64_t, std::unique_ptr<Lane>> lanes;  // by device
    std::uint32_t next_id = 0;
    unsigned updating = 0;  // contents with Access::update
    PieceCache cache;
    std::size_t dirty = 0;  // chunks of live pieces
    unsigned spills = 0;    // under way
    std::uint64_t ticks = 0;
    bool pressed = false;
    std::deque<std::pair<ContentPtr, std::uint32_t>> starved;  // reads that wait for memory
    bool ending = false;
    bool scrub_ending = false;
  };
  /// What is called when the lock is given back.
  using Calls = std::vector<std::function<void()>>;
  struct ReadJob {
    ContentPtr content;
    std::uint32_t piece = 0;
    Chunks chunks;
    unsigned attempt = 0;
    bool reread = false;  // the bytes were wrong once
  };

  // Contents (piece_store.cpp)
  Status open(StoredContent& content);
  Lane& lane_for(std::uint64_t device);
  void open_older(StoredContent& content);
  void own(ContentFiles& files, Lane& lane);
  Status recall(StoredContent& content, const std::vector<bool>& existed);
  static ContentPtr find(const State& state, ContentId id);
  void start_job(StoredContent& content) { ++content.jobs; }
  void end_job(StoredContent& content);
  void trouble(StoredContent& content, const Error& error);
  std::chrono::milliseconds pause(unsigned attempt) const;

  // Download
  std::size_t spill_limit() const { return pool_.capacity() / 4; }
  std::size_t press_limit() const { return pool_.capacity() / 8 * 3; }
  std::size_t drain_limit() const { return pool_.capacity() / 16 * 5; }
  bool hold_chunk(State& state, LivePiece& live, std::size_t chunk);
  void spill_one(State& state);
  void spill(const ContentPtr& content, std::uint32_t piece, const LivePtr& live);
  void spill_on(const ContentPtr& content);
  Status write_blocks(StoredContent& content, std::uint32_t piece, const LivePiece& live, const std::vector<std::size_t>& blocks);
  void end_spill(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, const std::vector<std::size_t>& blocks,
                 const Status& written);
  void start_completion(const ContentPtr& content, std::uint32_t piece, const LivePtr& live);
  void check_piece(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, unsigned attempt);
  void write_piece(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, unsigned attempt);
  Status feed(StoredContent& content, std::uint32_t piece, const LivePiece& live, const std::function<void(std::string_view)>& use);
  void reject(const ContentPtr& content, std::uint32_t piece, const LivePtr& live);
  Status read_spilled(StoredContent& content, std::uint32_t piece, const LivePiece& live, std::size_t first, std::size_t count,
                      std::vector<char>& bytes);
  void lose_blocks(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, const Error& why);
  bool again(const ContentPtr& content, const Error& why, unsigned attempt, std::function<void()> job);
  void settle(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, Result<Verdict> verdict);
  void keep(State& state, StoredContent& content, std::uint32_t piece, LivePiece& live);
  void drop(State& state, StoredContent& content, std::uint32_t piece);
  void check_drained(State& state, Calls& calls);

  // Exploring
  void explore(const ContentPtr& content, std::uint32_t piece, const VerdictCallback& callback);
  bool is_stored(StoredContent& content, std::uint32_t piece);
  static bool may_be_in_older(const StoredContent& content, std::uint32_t piece);
  bool fetch_from_older(StoredContent& content, std::uint32_t piece);
  Result<bool> copy_checked(StoredContent& content, std::uint32_t piece, OlderFiles& older, std::uint32_t old_piece);
  Result<bool> clone_checked(StoredContent& content, std::uint32_t piece, const FilePart& to, OlderFiles& older, const FilePart& from);
  Result<bool> put_together(StoredContent& content, std::uint32_t piece);
  static Result<bool> is_right_on_disk(StoredContent& content, std::uint32_t piece);
  Result<Sha256> stored_digest(StoredContent& content, std::uint32_t piece);
  void found(StoredContent& content, std::uint32_t piece, bool from_older);

  // Upload
  std::size_t clean_limit(const State& state) const;
  std::optional<Block> cut(const Chunks& chunks, std::uint32_t offset, std::uint32_t length);
  std::optional<Block> find_block(State& state, StoredContent& content, std::uint32_t piece, std::uint32_t offset, std::uint32_t length);
  std::optional<Chunks> take_clean(State& state, std::size_t count);
  void start_read(State& state, const ContentPtr& content, std::uint32_t piece);
  void read_ahead(State& state, const ContentPtr& content, std::uint32_t piece);
  void end_read(const ContentPtr& content);
  void feed(State& state, Lane& lane);
  void wake_starved();
  void feed_starved();
  void read_piece(ReadJob job);
  bool is_right(StoredContent& content, std::uint32_t piece, const std::vector<iovec>& bytes);
  void read_failed(ReadJob job, Error error);
  void read_again(ReadJob job);
  void read_done(ReadJob job);
  void answer(const ContentPtr& content, std::uint32_t piece, const Chunks& chunks, const Status& status);
  bool is_what_came(const LivePiece& live, const WaitingRead& read, const char* data);
  void read_partial(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, WaitingRead waiting);

  // Scrub
  struct ScrubPlace {
    ContentId content{};
    std::uint32_t piece = 0;
  };
  void scrub_loop();
  ContentPtr next_to_scrub(ScrubPlace& place);
  void scrub(const ContentPtr& content, std::uint32_t piece);
  Result<Sha256> fresh_digest(StoredContent& content, std::uint32_t piece);
  static Error wrong_bytes(const StoredContent& content, std::uint32_t piece);

  // Durability
  void lose(const ContentPtr& content, const std::vector<std::uint32_t>& pieces, const Error& why);
  void sync_loop(Lane& lane);
  bool wait_for_work(Lane& lane);
  void close_idle_files(Lane& lane);
  void kick(Lane& lane);
  static void note_unsynced(Lane& lane);
  Status sync(const ContentPtr& content);
  Status sync_files(const ContentPtr& content, std::set<std::uint32_t>& pieces);
  Status sync_file(const ContentPtr& content, DirtyFile& dirty, std::set<std::uint32_t>& pieces);
  static std::vector<std::uint32_t> pieces_of(const StoredContent& content, std::uint32_t file, const std::set<std::uint32_t>& pieces);
  void close_if_durable(StoredContent& content);
  Status sync_again(const ContentPtr& content, std::uint32_t file, File& open, std::set<std::uint32_t>& pieces);
  Status note(StoredContent& content, const std::set<std::uint32_t>& pieces, const std::vector<std::uint32_t>& forgotten);
  void finish(const ContentPtr& content);

  /// Written without the lock.
  struct Tally {
    std::atomic<std::uint64_t> verified{0}, failed{0}, hits{0}, misses{0};
    std::atomic<ByteCount> read{0}, written{0};
  };

  FileLayer& layer_;
  const StoreOptions options_;
  ChunkPool& pool_;
  ChunkRef zeroes_;  // padding
  OpenFiles open_files_;
  mutable Guarded<State> state_;
  Tally tally_;
  std::function<void()> drained_;
  std::atomic<bool> feeding_{false};
  std::unique_ptr<WorkQueue> feeder_;  // of reads that wait
  std::condition_variable scrub_ended_;
  std::thread scrubber_;
};

}  // namespace shoal::store
