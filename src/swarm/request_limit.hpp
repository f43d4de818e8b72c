// How many requests a peer may have waiting at this machine. Pure.
#pragma once

#include <optional>

#include "base/units.hpp"

namespace shoal::swarm {

/// libtorrent asks for a second's worth of blocks at least, so that a piece waits for a second at each hop, and what is asked of a busy
/// peer is not asked of an idle one. A machine that says how many requests it takes (`reqq`, BEP 10) is obeyed at once: it says what it
/// sends to the peer in a quarter of a second. A peer that could be served faster gets there within seconds, because its requests are
/// answered in less time than that.
class RequestLimit {
 public:
  /// Once a second, with the payload that was sent to the peer in it: the new limit, if the peer is to be told.
  std::optional<unsigned> after_second(ByteCount sent);

 private:
  ByteCount before_ = 0;  // sent in the second before
  unsigned told_ = 0;
};

}  // namespace shoal::swarm
