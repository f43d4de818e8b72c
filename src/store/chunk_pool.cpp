#include "store/chunk_pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <numeric>

namespace shoal::store {

void ChunkPool::Unmap::operator()(char* address) const { ::munmap(address, length); }

ChunkPool::ChunkPool(ByteCount budget) : shares_(std::max<std::size_t>(1, budget / chunk_size)) {
  const std::size_t length = capacity() * chunk_size;
  void* address = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  region_ = {static_cast<char*>(address), Unmap{length}};
  auto free = free_.lock();
  free->resize(capacity());
  // The lowest chunk is taken first: pages that were never needed stay untouched.
  std::iota(free->rbegin(), free->rend(), 0U);
}

ChunkPool::~ChunkPool() = default;

std::vector<ChunkRef> ChunkPool::take(std::size_t count) {
  std::vector<ChunkRef> taken;
  taken.reserve(count);
  auto free = free_.lock();
  if (free->size() < count) return taken;
  for (std::size_t i = 0; i < count; ++i) {
    shares_[free->back()].store(1, std::memory_order_relaxed);
    taken.push_back(ChunkRef(this, free->back()));
    free->pop_back();
  }
  const std::size_t used = in_use_.fetch_add(count) + count;
  peak_.store(std::max(peak_.load(std::memory_order_relaxed), used), std::memory_order_relaxed);
  return taken;
}

void ChunkPool::release(const char* address) { drop(static_cast<std::uint32_t>((address - region_.get()) / std::ptrdiff_t{chunk_size})); }

void ChunkPool::drop(std::uint32_t index) {
  // Release and acquire: whatever others did with the chunk happened before it is handed out again.
  if (shares_[index].fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  free_.with([&](auto& free) { free.push_back(index); });
  // In this order, and sequentially consistent: who watches and then looks at in_use() misses nothing.
  --in_use_;
  if (watched_ && freed_) freed_();
}

}  // namespace shoal::store
