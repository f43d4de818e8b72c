// The gate for content whose formats are not judged yet (deciding_gate.hpp), in the engine.
//
// The alternative, to give all other pieces priority 0, makes libtorrent take the torrent for finished as soon as the deciding pieces are
// there: it then parts from seeds, and says that it only uploads. So other pieces stay wanted, and what is asked of them waits here.
#pragma once

#include <libtorrent/extensions.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "store/layout.hpp"
#include "swarm/engine.hpp"

namespace shoal::swarm {

class DecidingWatch {
 public:
  /// `decidable` is called once, on the network thread, when all deciding pieces are verified and written; it must return at once.
  static std::shared_ptr<DecidingWatch> make(const store::Layout& layout, const std::vector<std::uint32_t>& deciding, const Clock& clock,
                                             std::function<void()> decidable);
  virtual ~DecidingWatch() = default;

  virtual std::shared_ptr<lt::torrent_plugin> plugin(const lt::torrent_handle& torrent) = 0;
  // On the network thread.
  /// Sends what has waited.
  virtual void open() = 0;
  /// Does so where the gate's patience is over; it looks by itself once a second.
  virtual void look() = 0;
};

}  // namespace shoal::swarm
