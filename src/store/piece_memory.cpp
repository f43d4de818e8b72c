#include "store/piece_memory.hpp"

namespace shoal::store {

ChunkRef PieceMemory::take_dirty() {
  std::vector<ChunkRef> taken = pool_->take(1);
  while (taken.empty() && cache_.evict()) taken = pool_->take(1);
  if (taken.empty()) return {};
  ++dirty_;
  return std::move(taken.front());
}

bool PieceMemory::make_clean(std::size_t chunks) {
  while (!has_clean_room(chunks) && cache_.evict()) {}
  if (!has_clean_room(chunks)) return false;
  dirty_ -= chunks;
  return true;
}

std::optional<Chunks> PieceMemory::take_clean(std::size_t count) {
  while (true) {
    if (has_clean_room(count)) {
      Chunks chunks = pool_->take(count);
      if (chunks.size() == count) return chunks;
    }
    if (!cache_.evict()) return std::nullopt;
  }
}

}  // namespace shoal::store
