// Machines that are gone for good leave the lists.
#pragma once

#include <chrono>
#include <vector>

#include "tracker/revocations.hpp"

namespace shoal::tracker {

struct Removal {
  NodeId machine;
  std::string name;
};

/// Takes a machine that is revoked, or whose certificate has ended, off the lists of the fleet; it never comes back under its id.
/// `conflict` for one that may be alive, else the errors of machine_named. Works beside a running tracker.
Result<Removal> remove_machine(Database& database, const std::string& who, WallTime now);
/// All whose certificates ended that long ago, or longer.
Result<std::vector<Removal>> remove_gone(Database& database, std::chrono::seconds ago, WallTime now);

}  // namespace shoal::tracker
