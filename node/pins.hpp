// Releases that stay whatever retention thinks: STATE/pins.json (docs/formats.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/ids.hpp"

namespace shoal::node {

struct Pin {
  ReleaseId release;
  std::string reason;
  WallTime since;
  std::optional<WallTime> until;  // a lease; none: until it is unpinned

  bool holds(WallTime now) const { return !until || now < *until; }
};

/// The file is read anew by every call, so that a command and a daemon see the same; two that write at once: the last wins.
class Pins {
 public:
  explicit Pins(fs::path state) : file_(std::move(state) / "pins.json") {}

  /// Durable when it returns. Replaces an earlier pin of the same release; leases that are over are forgotten.
  Status pin(const ReleaseId& id, const std::string& reason, std::optional<WallTime> until, WallTime now);
  /// Whether there was a pin.
  Result<bool> unpin(const ReleaseId& id, WallTime now);
  /// Those that hold now. A damaged file is an error, never "no pins".
  Result<std::vector<Pin>> all(WallTime now) const;

 private:
  Status save(const std::vector<Pin>& pins) const;
  fs::path file_;
};

}  // namespace shoal::node
