// How many requests a peer may have waiting at this machine. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "base/units.hpp"

namespace shoal::swarm {

/// libtorrent asks for a second's worth of blocks at least, so that a piece waits for a second at each hop, and what is asked of a busy
/// peer is not asked of an idle one. A machine that says how many requests it takes (`reqq`, BEP 10) is obeyed at once: it says what it
/// sends to the peer in an eighth of a second and in the way there and back. A peer that could be served faster gets there within seconds,
/// because its requests are answered in less time than that. More than an eighth made last nodes later and sources send more: what waits in
/// many connections to one machine is dropped on its doorstep and sent again (docs/fan-out.md).
class RequestLimit {
 public:
  /// Once a second, with the payload that was sent to the peer in it and the round trip when nothing waits: the new limit, if the peer is
  /// to be told.
  std::optional<unsigned> after_second(ByteCount sent, std::chrono::microseconds round_trip);

 private:
  ByteCount before_ = 0;  // sent in the second before
  unsigned told_ = 0;
};

}  // namespace shoal::swarm
