// How much of a content is asked for before its formats are judged. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace shoal::swarm {

/// The engine asks for the deciding pieces first (it has them at the highest priority), and then for others. The gate lets through what is
/// asked of deciding pieces and an allowance of other bytes; the rest waits until the verdict. It does not wait while nothing comes of the
/// deciding pieces (`patience`), nor for long (`longest`): a verdict that takes longer holds nothing up, and these still come first. One
/// thread at a time.
class DecidingGate {
 public:
  using Piece = std::uint32_t;
  static constexpr std::chrono::milliseconds patience{300}, longest{4000};

  DecidingGate(const std::vector<Piece>& deciding, ByteCount beside)
      : missing_(deciding.begin(), deciding.end()), deciding_(missing_), beside_(beside) {}

  /// Whether these bytes may be asked for now. If not, they wait.
  bool admits(Piece piece, ByteCount length, SteadyTime now);
  /// Bytes of the piece have come.
  void came(Piece piece, SteadyTime now);
  /// The piece is verified and written. True: it was the last of the deciding ones.
  bool arrived(Piece piece);
  void open() { open_ = true; }
  /// For good once it is.
  bool is_open(SteadyTime now);

 private:
  std::set<Piece> missing_;
  const std::set<Piece> deciding_;
  ByteCount beside_;  // what is left of the allowance
  bool open_ = false;
  std::optional<SteadyTime> waiting_since_;
  SteadyTime progressed_{};  // when something last came of a deciding piece
};

}  // namespace shoal::swarm
