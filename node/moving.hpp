// Tells an enrolled machine that its tracker has another address.
#pragma once

#include <stop_token>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/units.hpp"

namespace shoal::node {

struct Moved {
  HostPort before, now;
};

/// Writes the new address once the tracker of this machine's own fleet has answered there; changes nothing otherwise. A service that runs
/// on this directory uses it from its next start on. Errors: `not_enrolled`, and those of a call to the tracker.
Result<Moved> move_tracker(const fs::path& state, const HostPort& tracker, const Clock& clock, const std::stop_token& stop);

}  // namespace shoal::node
