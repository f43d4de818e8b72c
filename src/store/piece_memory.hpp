// How the store's memory is shared between pieces that arrive and pieces that are read. Internal to the store.
#pragma once

#include <optional>

#include "store/piece_cache.hpp"

namespace shoal::store {

/// A chunk is dirty while an unfinished piece holds it, and clean in the cache, in a read or on its way to a peer. Part of StoreState, so
/// it is used under the store's lock.
class PieceMemory {
 public:
  explicit PieceMemory(ChunkPool& pool) : pool_(&pool) {}

  PieceCache& cache() { return cache_; }
  std::size_t dirty() const { return dirty_; }

  /// For bytes that arrive; pushes out of the cache what is in the way. Empty where all chunks are in use.
  ChunkRef take_dirty();
  /// These dirty chunks are free, or about to be.
  void release_dirty(std::size_t chunks) { dirty_ -= chunks; }
  /// Turns dirty chunks into clean ones, if there is room for them once the cache has given way.
  bool make_clean(std::size_t chunks);

  /// Memory for a whole piece, or nothing: readers that each hold a part would wait for each other.
  std::optional<Chunks> take_clean(std::size_t count);
  /// Without pushing anything out.
  bool has_clean_room(std::size_t count) const { return clean() + count <= clean_limit(); }

  /// Contents that are being filled need room for what arrives.
  void begin_update() { ++updating_; }
  void end_update() { --updating_; }

 private:
  std::size_t clean() const { return pool_->in_use() - std::min(dirty_, pool_->in_use()); }
  /// The cache, reads and blocks on their way out may have this many chunks together. The rest is for what arrives.
  std::size_t clean_limit() const { return updating_ > 0 ? pool_->capacity() / 2 : pool_->capacity() / 8 * 7; }

  ChunkPool* pool_;
  PieceCache cache_;
  std::size_t dirty_ = 0;
  unsigned updating_ = 0;
};

}  // namespace shoal::store
