// Decides which bytes may be requested before the formats of a content are judged. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace shoal::fanout {

/// The engine requests the deciding pieces first (they have the highest priority), then others. The gate admits requests for deciding
/// pieces and an allowance of other bytes; all other requests wait for the verdict. The gate opens by itself when no byte of a deciding
/// piece has arrived for `patience`, and after `longest` in any case, so a slow verdict holds nothing up. One thread at a time.
class DecidingGate {
 public:
  using Piece = std::uint32_t;
  static constexpr std::chrono::milliseconds patience{300}, longest{4000};

  DecidingGate(const std::vector<Piece>& deciding, ByteCount beside)
      : missing_(deciding.begin(), deciding.end()), deciding_(missing_), beside_(beside) {}

  /// Whether these bytes may be requested now. If not, the request waits.
  bool admits(Piece piece, ByteCount length, SteadyTime now);
  /// Bytes of the piece have arrived.
  void came(Piece piece, SteadyTime now);
  /// The piece is verified and written. Returns true if it was the last deciding piece.
  bool arrived(Piece piece);
  void open() { open_ = true; }
  /// Once open, it stays open.
  bool is_open(SteadyTime now);

 private:
  std::set<Piece> missing_;
  const std::set<Piece> deciding_;
  ByteCount beside_;  // remaining allowance
  bool open_ = false;
  std::optional<SteadyTime> waiting_since_;
  SteadyTime progressed_{};  // when bytes of a deciding piece last arrived
};

}  // namespace shoal::fanout
