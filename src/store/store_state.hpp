// The data that the store's threads share, and the one lock over it. Internal to the store.
#pragma once

#include <map>

#include "base/guarded.hpp"
#include "store/piece_memory.hpp"
#include "store/stored_content.hpp"

namespace shoal::store {

/// Called when the lock is given back.
using Calls = std::vector<std::function<void()>>;

/// A reference to it is the proof that the store's lock is held: Contents alone has one, and hands it out while it holds the lock. A
/// function that takes a StoreState& is called under the lock, and the states of contents and lanes are reached through it only.
struct StoreState {
  explicit StoreState(ChunkPool& pool) : memory(pool) {}

  ContentState& of(StoredContent& content) { return content.state_; }
  const ContentState& of(const StoredContent& content) const { return content.state_; }
  LaneState& of(Lane& lane) { return lane.state_; }

  /// Empty where it is not there or is being closed.
  ContentPtr find(ContentId id) const;
  /// A content is not closed before its last job has ended (Contents::end_job).
  void start_job(StoredContent& content) { ++of(content).jobs; }
  /// Wakes the syncing thread at once.
  void kick(Lane& lane);
  /// A piece was written that is not durable yet: the syncing thread wakes after its interval.
  void note_unsynced(Lane& lane);

  std::map<ContentId, ContentPtr> contents;
  std::map<std::uint64_t, std::unique_ptr<Lane>> lanes;  // by device
  std::uint32_t next_id = 0;
  PieceMemory memory;
  bool ending = false;

  // Of Incoming.
  unsigned spills = 0;  // under way
  std::uint64_t ticks = 0;
  bool pressed = false;

  // Of Reader.
  std::deque<std::pair<ContentPtr, std::uint32_t>> starved;  // reads that wait for memory
};

/// The contents that are here. Thread-safe; without the lock held, callbacks of contents are called.
class Contents {
 public:
  Contents(ChunkPool& pool, std::chrono::milliseconds retry_pause) : retry_pause_(retry_pause), state_(StoreState(pool)) {}

  Guarded<StoreState>::Locked lock() { return state_.lock(); }
  template <class Work>
  auto with(Work&& work) {
    return state_.with(std::forward<Work>(work));
  }

  void end_job(StoredContent& content);
  bool is_stopping(const StoredContent& content) const;
  ContentFacts facts(ContentId id) const;
  /// Tells the content's owner, once until it ends.
  void report_problem(StoredContent& content, const Error& error);
  /// Strikes out pieces that turned out to be gone, and tells the content's owner.
  void lose(const ContentPtr& content, const std::vector<std::uint32_t>& pieces, const Error& why);
  /// Before what failed is tried again.
  std::chrono::milliseconds pause(unsigned attempt) const;

 private:
  const std::chrono::milliseconds retry_pause_;
  Guarded<StoreState> state_;
};

}  // namespace shoal::store
