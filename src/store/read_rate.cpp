#include "store/read_rate.hpp"

#include <algorithm>

#include "base/shutdown.hpp"

namespace shoal::store {

std::chrono::milliseconds ReadRate::reserve(ByteCount bytes, SteadyTime now) {
  const ByteCount per_second = per_second_;
  if (per_second == 0) return {};
  const std::chrono::duration<double> takes(static_cast<double>(bytes) / static_cast<double>(per_second));
  return free_.with([&](SteadyTime& free) {
    const SteadyTime start = std::max(now, free);
    free = start + std::chrono::duration_cast<SteadyTime::duration>(takes);
    return std::chrono::ceil<std::chrono::milliseconds>(start - now);
  });
}

void ReadRate::wait(ByteCount bytes, const std::stop_token& stop) {
  const auto pause = reserve(bytes, std::chrono::steady_clock::now());
  if (pause.count() > 0) static_cast<void>(sleep_for(pause, stop));
}

}  // namespace shoal::store
