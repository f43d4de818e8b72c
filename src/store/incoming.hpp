// Pieces that arrive: blocks are collected in memory, checked once, and written. Internal to the store.
#pragma once

#include "store/explorer.hpp"

namespace shoal::store {

/// Any thread; hashing and writing run on the workers of a content's lane.
class Incoming {
 public:
  Incoming(ChunkPool& pool, Contents& contents, Explorer& explorer, StoreTally& tally)
      : pool_(pool), contents_(contents), explorer_(explorer), tally_(tally) {}

  Taken write(ContentId id, std::uint32_t piece, std::uint32_t offset, std::string_view bytes);
  void complete(ContentId id, std::uint32_t piece, VerdictCallback callback);
  void clear(ContentId id, std::uint32_t piece, std::function<void()> callback);
  void on_drained(std::function<void()> call) { drained_ = std::move(call); }
  /// Forgets the unfinished pieces of a content that no worker uses.
  void close(StoreState& state, StoredContent& content, Calls& calls);

 private:
  using LivePtr = std::shared_ptr<LivePiece>;

  std::size_t spill_limit() const { return pool_.capacity() / 4; }
  std::size_t press_limit() const { return pool_.capacity() / 8 * 3; }
  std::size_t drain_limit() const { return pool_.capacity() / 16 * 5; }
  void check_drained(StoreState& state, Calls& calls);
  static bool hold_chunk(StoreState& state, LivePiece& live, std::size_t chunk);
  static void forget(StoreState& state, StoredContent& content, std::uint32_t piece);

  // To the disk before the piece is whole, to make room.
  void spill_one(StoreState& state);
  void spill(const ContentPtr& content, std::uint32_t piece, const LivePtr& live);
  void spill_next(const ContentPtr& content);
  void end_spill(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, const std::vector<std::size_t>& blocks,
                 const Status& written);

  // A whole piece.
  std::optional<Result<Verdict>> begin_completion(StoreState& state, const ContentPtr& content, std::uint32_t piece,
                                                  VerdictCallback& callback);
  void start_completion(StoreState& state, const ContentPtr& content, std::uint32_t piece, const LivePtr& live);
  void check_piece(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, unsigned attempt);
  void write_piece(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, unsigned attempt);
  void reject(const ContentPtr& content, std::uint32_t piece, const LivePtr& live);
  void lose_blocks(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, const Error& why);
  bool retry(const ContentPtr& content, const Error& why, unsigned attempt, std::function<void()> job);
  void finish(const ContentPtr& content, std::uint32_t piece, const LivePtr& live, Result<Verdict> verdict);
  static void keep(StoreState& state, StoredContent& content, std::uint32_t piece, LivePiece& live);

  ChunkPool& pool_;
  Contents& contents_;
  Explorer& explorer_;
  StoreTally& tally_;
  std::function<void()> drained_;
};

}  // namespace shoal::store
