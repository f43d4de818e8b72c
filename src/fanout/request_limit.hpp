// Decides how many requests a peer may have waiting at this machine. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "base/units.hpp"

namespace shoal::fanout {

/// libtorrent requests at least one second's worth of blocks from a peer, so a piece waits a second at each hop, and blocks requested from
/// a busy peer are not requested from an idle one. libtorrent obeys at once when a machine announces how many requests it accepts (`reqq`,
/// BEP 10). We announce what this machine sends to the peer in one eighth of a second plus the round trip. A peer that could be served
/// faster reaches its full rate within seconds, because its requests are answered in less time than that. Longer queues made the last node
/// slower and sources send more: bytes that wait in many connections to one machine are dropped there and sent again
/// (docs/fan-out.md).
class RequestLimit {
 public:
  /// Call it once a second, with the payload sent to the peer in that second and the round trip of an idle connection. Returns the new
  /// limit if it should be announced to the peer.
  std::optional<unsigned> after_second(ByteCount sent, std::chrono::microseconds round_trip);

 private:
  ByteCount before_ = 0;  // payload in the previous second
  unsigned announced_ = 0;
};

}  // namespace shoal::fanout
