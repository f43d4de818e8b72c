#include "seeder/hash_turns.hpp"

#include <algorithm>

namespace shoal::seeder {

bool HashTurns::enter(const void* who, SteadyTime now) {
  return hashing_.with([&](auto& hashing) {
    const auto moving = std::count_if(hashing.begin(), hashing.end(), [&](const auto& each) { return now - each.second < patience_; });
    if (static_cast<std::size_t>(moving) >= most_) return false;
    hashing[who] = now;
    return true;
  });
}

void HashTurns::progress(const void* who, SteadyTime now) {
  hashing_.with([&](auto& hashing) { hashing[who] = now; });
}

void HashTurns::leave(const void* who) {
  hashing_.with([&](auto& hashing) { hashing.erase(who); });
}

}  // namespace shoal::seeder
