// `shoal fleet init`: a new fleet. The tracker's own identity and the CA go to one directory, the keys that sign content to
// another that never meets a tracker.
#pragma once

#include <optional>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "identity/certificate.hpp"
#include "manifest/trust.hpp"

namespace shoal::tracker {

struct FleetOrder {
  fs::path state;
  fs::path keys;
  HostPort tracker;                // what members dial, and the name in the tracker's certificate
  std::optional<FleetName> fleet;  // none: "shoal-" and six random hexadecimal digits
};

struct NewFleet {
  FleetName fleet;
  identity::SpkiPin ca_pin;
  manifest::TrustFingerprint trust_root;
  fs::path root_key;
  fs::path publisher_key;
};

/// Refuses (`usage`) directories inside each other, and (`conflict`) ones that hold a fleet already. Leaves nothing behind on
/// failure.
Result<NewFleet> init_fleet(const FleetOrder& order, WallTime now);

}  // namespace shoal::tracker
