// Which bytes of an engine's stream can wait a moment for more (BEP 3). Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shoal::mesh {

/// A node tells every peer of every piece that it gets, in messages of nine bytes. Each by itself costs both machines a TLS record, a
/// packet and several wake-ups, which in a fan-out of small pieces was a third of all processor time. So `have` messages at the end of what
/// the engine said are kept back for a moment, and leave with the next message of another kind, or several together. One thread at a time.
class HaveGathering {
 public:
  /// The next bytes that the engine wrote, from the first byte of the connection on. Returns how many of all that are not gone yet, these
  /// included, should leave now: all but the `have` messages at the end.
  std::size_t leaving(std::string_view bytes);
  /// Bytes that were kept back.
  std::size_t kept() const { return kept_; }
  /// Everything has left.
  void clear() { kept_ = 0; }

 private:
  static constexpr std::size_t handshake_size = 68;
  static constexpr std::size_t have_size = 9;

  std::size_t skip_ = handshake_size;      // bytes of a message of another kind that are still to come
  std::array<char, have_size> message_{};  // of the message that has begun
  std::size_t begun_ = 0;                  // of its bytes, as long as it may be a `have`
  std::size_t kept_ = 0;
};

}  // namespace shoal::mesh
