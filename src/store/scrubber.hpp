// Walks slowly over verified pieces, to find bit rot before somebody needs the piece. Internal to the store.
#pragma once

#include <thread>

#include "store/store_state.hpp"

namespace shoal::store {

/// Owns a thread, unless the rate is 0.
class Scrubber {
 public:
  /// `rate` in bytes per second; `pause` between two rounds.
  Scrubber(Contents& contents, ByteCount rate, std::chrono::milliseconds pause);
  ~Scrubber() { end(); }
  void end();

 private:
  struct Place {
    ContentId content{};
    std::uint32_t piece = 0;
  };
  void run();
  ContentPtr next(Place& place);
  void scrub(const ContentPtr& content, std::uint32_t piece);

  Contents& contents_;
  const ByteCount rate_;
  const std::chrono::milliseconds pause_;
  Guarded<bool> ending_{false};
  std::condition_variable ended_;
  std::thread thread_;
};

/// The time that the scrub takes for these bytes at this rate (bytes per second, not zero).
std::chrono::nanoseconds scrub_time(ByteCount bytes, ByteCount rate);

}  // namespace shoal::store
