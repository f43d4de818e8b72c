#include "fanout/deciding_gate.hpp"

#include <algorithm>

namespace shoal::fanout {

bool DecidingGate::admits(Piece piece, ByteCount length, SteadyTime now) {
  if (is_open(now) || deciding_.contains(piece)) return true;
  if (length <= beside_) {
    beside_ -= length;
    return true;
  }
  if (!waiting_since_) waiting_since_ = now;
  return false;
}

void DecidingGate::came(Piece piece, SteadyTime now) {
  if (deciding_.contains(piece)) progressed_ = now;
}

bool DecidingGate::arrived(Piece piece) { return missing_.erase(piece) > 0 && missing_.empty(); }

bool DecidingGate::is_open(SteadyTime now) {
  if (open_ || !waiting_since_) return open_;
  open_ = now - std::max(*waiting_since_, progressed_) >= patience || now - *waiting_since_ >= longest;
  return open_;
}

}  // namespace shoal::fanout
