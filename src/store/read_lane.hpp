// The workers of one file system. Internal to the store.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <thread>
#include <utility>

#include "store/work_queue.hpp"

namespace shoal::store {

class StoredContent;

/// The part of a lane that the store's lock protects: see StoreState::of.
struct LaneState {
  unsigned reads = 0;                                                            // with memory: under way, queued or to be tried again
  std::deque<std::pair<std::shared_ptr<StoredContent>, std::uint32_t>> waiting;  // pieces, until there are fewer reads
  bool kicked = false;                                                           // there is something to sync at once
  bool unsynced = false;                                                         // ... or when the interval ends
  bool has_open_files = false;                                                   // those that nobody uses are to be closed
};

/// A file server that hangs keeps its own workers, its own syncs, and the memory of a few reads, and nobody else's.
class Lane {
 public:
  Lane(std::uint64_t of, unsigned threads) : device(of), most_reads(threads + 1), queue(threads) {}

  const std::uint64_t device;
  /// One for each worker, and one that is ready when a worker gets free.
  const unsigned most_reads;
  std::condition_variable sync_wanted;  // waited for with the store's lock
  std::thread syncer;

 private:
  friend struct StoreState;
  LaneState state_;

 public:
  WorkQueue queue;  // last, so that its threads end first
};

}  // namespace shoal::store
