// Decides when to disconnect a peer that does not read. Pure.
#pragma once

#include <cstddef>
#include <optional>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace shoal::fanout {

/// The send buffer of one connection.
struct SendBuffer {
  ByteCount waiting = 0;     // bytes in it
  ByteCount payload = 0;     // blocks of pieces in it, which libtorrent bounds (send_buffer_watermark)
  ByteCount sent = 0;        // payload, since the connection began
  bool on_the_peer = false;  // the socket is full; false even while our own rate limit holds the rest back
};

/// The answers for a peer that sends requests and does not read pile up in libtorrent's send buffer: rejects, `have` messages and
/// everything else that is not payload have no bound there. An honest peer reads continuously, or is gone.
class UnreadLimit {
 public:
  /// Allows what a content with this many pieces may need at once: a `have` for each, and a margin.
  explicit UnreadLimit(std::size_t pieces) : most_(least + pieces * have_size) {}

  /// Why to disconnect the peer, if so.
  std::optional<const char*> judge(const SendBuffer& buffer) const;
  /// The same, once a second.
  std::optional<const char*> judge(const SendBuffer& buffer, SteadyTime now);

  static constexpr ByteCount least = 512 * KiB;
  /// How long a full socket may go without accepting a byte.
  static constexpr std::chrono::seconds patience{60};

 private:
  static constexpr ByteCount have_size = 9;

  const ByteCount most_;
  SendBuffer last_{};
  std::optional<SteadyTime> stuck_since_;
};

}  // namespace shoal::fanout
