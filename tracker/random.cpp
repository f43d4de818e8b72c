#include "tracker/random.hpp"

#include <random>

namespace shoal::tracker {

Random system_random() {
  return [](std::uint64_t bound) {
    thread_local std::mt19937_64 generator{std::random_device{}()};
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(generator);
  };
}

}  // namespace shoal::tracker
