// The store's memory: one region, cut into chunks of equal size that are counted and shared. It cannot grow, so the budget holds by
// construction, whoever keeps a chunk (the cache, an unfinished piece, a peer's send queue).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/guarded.hpp"
#include "base/units.hpp"

namespace shoal::store {

class ChunkPool;

/// A share in one chunk. Empty after a default construction or a move. The pool must outlive it.
class ChunkRef {
 public:
  ChunkRef() = default;
  ChunkRef(const ChunkRef& other);
  ChunkRef(ChunkRef&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_) {}
  ChunkRef& operator=(ChunkRef other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(index_, other.index_);
    return *this;
  }
  ~ChunkRef();

  explicit operator bool() const { return pool_ != nullptr; }
  char* data() const;
  /// Gives the share away: someone else ends it with ChunkPool::release and any address in the chunk.
  void leak() { pool_ = nullptr; }

 private:
  friend class ChunkPool;
  ChunkRef(ChunkPool* pool, std::uint32_t index) : pool_(pool), index_(index) {}
  ChunkPool* pool_ = nullptr;
  std::uint32_t index_ = 0;
};

/// Thread-safe.
class ChunkPool {
 public:
  static constexpr std::size_t chunk_size = 64 * KiB;

  /// At least one chunk. Address space only: pages come as chunks are used for the first time.
  explicit ChunkPool(ByteCount budget);
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool();

  std::size_t capacity() const { return shares_.size(); }
  /// Chunks that someone has a share in.
  std::size_t in_use() const { return in_use_.load(); }
  /// The most that were ever in use.
  std::size_t peak() const { return peak_.load(std::memory_order_relaxed); }

  /// `count` chunks with any content, or none.
  std::vector<ChunkRef> take(std::size_t count);
  /// Ends the share that `ChunkRef::leak` gave away.
  void release(const char* address);

  /// Called after a chunk became free while `watch(true)` holds, on the thread that freed it. Set before the pool is used.
  void on_free(std::function<void()> call) { freed_ = std::move(call); }
  void watch(bool wanted) { watched_ = wanted; }

 private:
  friend class ChunkRef;
  struct Unmap {
    std::size_t length;
    void operator()(char* address) const;
  };

  void retain(std::uint32_t index) { shares_[index].fetch_add(1, std::memory_order_relaxed); }
  void drop(std::uint32_t index);

  std::vector<std::atomic<std::uint32_t>> shares_;
  std::unique_ptr<char, Unmap> region_;
  Guarded<std::vector<std::uint32_t>> free_;
  std::atomic<std::size_t> in_use_{0};
  std::atomic<std::size_t> peak_{0};
  std::atomic<bool> watched_{false};
  std::function<void()> freed_;
};

inline ChunkRef::ChunkRef(const ChunkRef& other) : pool_(other.pool_), index_(other.index_) {
  if (pool_ != nullptr) pool_->retain(index_);
}
inline ChunkRef::~ChunkRef() {
  if (pool_ != nullptr) pool_->drop(index_);
}
inline char* ChunkRef::data() const { return pool_->region_.get() + index_ * ChunkPool::chunk_size; }

}  // namespace shoal::store
