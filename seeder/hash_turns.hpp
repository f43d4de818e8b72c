// Lets few hash at a time, so that a hundred joined directories need not a hundred times the memory.
#pragma once

#include <chrono>
#include <map>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace shoal::seeder {

/// Whoever makes no progress for a while does not count: a file server that hangs keeps nobody else waiting. Thread-safe.
class HashTurns {
 public:
  HashTurns(std::size_t most, std::chrono::milliseconds patience) : most_(most), patience_(patience) {}
  /// False: ask again a little later.
  bool enter(const void* who, SteadyTime now);
  void progress(const void* who, SteadyTime now);
  void leave(const void* who);

 private:
  const std::size_t most_;
  const std::chrono::milliseconds patience_;
  Guarded<std::map<const void*, SteadyTime>> hashing_;  // and when they came on last
};

}  // namespace shoal::seeder
