#include "store/chunk_pool.hpp"

#include <doctest/doctest.h>

#include <thread>

namespace shoal::store {

TEST_CASE("a pool gives all or nothing, and never more than its budget") {
  ChunkPool pool(4 * ChunkPool::chunk_size);
  CHECK(pool.capacity() == 4);
  auto three = pool.take(3);
  CHECK(three.size() == 3);
  CHECK(pool.take(2).empty());
  auto last = pool.take(1);
  CHECK(last.size() == 1);
  CHECK(pool.in_use() == 4);
  three.clear();
  CHECK(pool.in_use() == 1);
  CHECK(pool.peak() == 4);
}

TEST_CASE("a chunk lives as long as its last share, leaked ones included") {
  ChunkPool pool(2 * ChunkPool::chunk_size);
  ChunkRef first = std::move(pool.take(1).front());
  ChunkRef second = first;
  const char* inside = second.data() + 16 * KiB;
  second.leak();
  first = {};
  CHECK(pool.in_use() == 1);
  pool.release(inside);
  CHECK(pool.in_use() == 0);
}

TEST_CASE("whoever watches hears of chunks that become free") {
  ChunkPool pool(2 * ChunkPool::chunk_size);
  int freed = 0;
  pool.on_free([&] { ++freed; });
  pool.take(2);
  CHECK(freed == 0);
  pool.watch(true);
  pool.take(2);
  CHECK(freed == 2);
}

TEST_CASE("threads that share and drop chunks leave none behind") {
  ChunkPool pool(64 * ChunkPool::chunk_size);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        auto chunks = pool.take(3);
        if (!chunks.empty()) chunks[0].data()[0] = 'x';
        auto copy = chunks;
        chunks.clear();
      }
    });
  threads.clear();
  CHECK(pool.in_use() == 0);
  CHECK(pool.take(64).size() == 64);
}

}  // namespace shoal::store
