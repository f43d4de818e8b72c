#include "swarm/bell.hpp"

#include <utility>

namespace shoal::swarm {

void Bell::news() { ring(&Rings::news); }

void Bell::moved() { ring(&Rings::moved); }

void Bell::ring(bool Rings::*what) {
  std::lock_guard lock(mutex_);
  if (std::exchange(rings_.*what, true)) return;
  rang_.notify_one();
}

Bell::Rings Bell::wait_until(SteadyTime time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  rang_.wait_until(lock, stop, time, [&] { return rings_.news || rings_.moved; });
  return std::exchange(rings_, {});
}

}  // namespace shoal::swarm
