// What may wait for a peer that does not read. Pure.
#pragma once

#include <cstddef>
#include <optional>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace shoal::swarm {

/// One connection's send buffer.
struct SendBuffer {
  ByteCount waiting = 0;     // bytes in it
  ByteCount payload = 0;     // of these: blocks of pieces, which libtorrent bounds (send_buffer_watermark)
  ByteCount sent = 0;        // payload, since the connection began
  bool on_the_peer = false;  // the socket is full; false also while our own rate limit holds the rest back
};

/// A peer that asks and does not read has its answers pile up in libtorrent's send buffer: rejects, `have` messages, anything that is no
/// payload has no bound there. An honest peer reads all the time, or is gone.
class UnreadLimit {
 public:
  /// What a content of so many pieces may need at once: a `have` for each, and a good deal more.
  explicit UnreadLimit(std::size_t pieces) : most_(least + pieces * have_size) {}

  /// Why the peer is to be disconnected, if it is.
  std::optional<const char*> judge(const SendBuffer& buffer) const;
  /// The same, once a second.
  std::optional<const char*> judge(const SendBuffer& buffer, SteadyTime now);

  static constexpr ByteCount least = 512 * KiB;
  /// For so long not one byte left a full socket.
  static constexpr std::chrono::seconds patience{60};

 private:
  static constexpr ByteCount have_size = 9;

  const ByteCount most_;
  SendBuffer last_{};
  std::optional<SteadyTime> stuck_since_;
};

}  // namespace shoal::swarm
