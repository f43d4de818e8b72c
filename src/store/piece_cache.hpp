// Whole pieces in memory, least recently used first to go. Internal to the store; not thread-safe.
#pragma once

#include <list>
#include <unordered_map>
#include <vector>

#include "store/chunk_pool.hpp"

namespace shoal::store {

using Chunks = std::vector<ChunkRef>;

class PieceCache {
 public:
  /// Nothing where it is not there; else it is the last to go.
  const Chunks* find(std::uint32_t content, std::uint32_t piece) {
    auto it = index_.find(key(content, piece));
    if (it == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return &it->second->chunks;
  }
  bool contains(std::uint32_t content, std::uint32_t piece) const { return index_.contains(key(content, piece)); }
  void insert(std::uint32_t content, std::uint32_t piece, Chunks chunks) {
    erase(content, piece);
    order_.push_front({key(content, piece), std::move(chunks)});
    index_.emplace(order_.front().key, order_.begin());
  }
  void erase(std::uint32_t content, std::uint32_t piece) {
    auto it = index_.find(key(content, piece));
    if (it == index_.end()) return;
    order_.erase(it->second);
    index_.erase(it);
  }
  void erase_content(std::uint32_t content) {
    std::erase_if(index_, [&](const auto& item) {
      if (item.first >> 32 != content) return false;
      order_.erase(item.second);
      return true;
    });
  }
  /// False when it is empty.
  bool evict() {
    if (order_.empty()) return false;
    index_.erase(order_.back().key);
    order_.pop_back();
    return true;
  }

 private:
  struct Entry {
    std::uint64_t key;
    Chunks chunks;
  };
  static std::uint64_t key(std::uint32_t content, std::uint32_t piece) { return std::uint64_t{content} << 32 | piece; }

  std::list<Entry> order_;
  std::unordered_map<std::uint64_t, std::list<Entry>::iterator> index_;
};

}  // namespace shoal::store
