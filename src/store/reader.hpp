// Reads whole pieces for peers, through a cache that all share. Internal to the store.
#pragma once

#include <atomic>

#include "store/store_state.hpp"
#include "store/store_tally.hpp"

namespace shoal::store {

/// Any thread; reads run on the workers of a content's lane. A thread of its own begins reads that waited for memory.
class Reader {
 public:
  /// `pool` has no other user yet.
  Reader(ChunkPool& pool, Contents& contents, StoreTally& tally);

  std::optional<Block> cached(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length);
  void read(ContentId id, std::uint32_t piece, std::uint32_t offset, std::uint32_t length, BlockCallback callback);
  /// Gives up reads of a content that have not begun.
  void close(StoreState& state, StoredContent& content, Calls& calls);
  /// Begins no more reads that waited for memory.
  void end();

 private:
  using LivePtr = std::shared_ptr<LivePiece>;
  struct Job {
    ContentPtr content;
    std::uint32_t piece = 0;
    Chunks chunks;
    unsigned attempt = 0;
    bool reread = false;  // the bytes were wrong once
  };

  std::optional<Block> cut(const Chunks& chunks, std::uint32_t offset, std::uint32_t length);
  std::optional<Block> find_block(StoreState& state, StoredContent& content, std::uint32_t piece, std::uint32_t offset,
                                  std::uint32_t length);
  std::optional<Result<Block>> begin(StoreState& state, const ContentPtr& content, std::uint32_t piece, WaitingRead& waiting);
  void start_read(StoreState& state, const ContentPtr& content, std::uint32_t piece);
  void read_ahead(StoreState& state, const ContentPtr& content, std::uint32_t piece);
  void start_waiting(StoreState& state, Lane& lane);
  void wake_starved();
  void start_starved();
  void read_piece(Job job);
  bool is_right(StoredContent& content, std::uint32_t piece, const std::vector<iovec>& bytes);
  void read_failed(Job job, Error error);
  void read_again(Job job);
  void read_done(Job job);
  void end_read(const ContentPtr& content);
  void answer(const ContentPtr& content, std::uint32_t piece, const Chunks& chunks, const Status& status);
  bool is_what_came(const LivePiece& live, const WaitingRead& read, const char* data);
  void read_partial(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, WaitingRead waiting);

  ChunkPool& pool_;
  Contents& contents_;
  StoreTally& tally_;
  ChunkRef zeroes_;  // padding
  std::atomic<bool> woken_{false};
  WorkQueue feeder_{1};
};

}  // namespace shoal::store
