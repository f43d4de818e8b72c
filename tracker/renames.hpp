// Names of machines, given by whoever may write the tracker's state.
#pragma once

#include "base/ids.hpp"
#include "tracker/database.hpp"

namespace shoal::tracker {

struct Rename {
  NodeId machine;
  std::string before;
  std::string name;
};

/// Calls the machine that `who` names (machine_named, revocations.hpp) `name` from now on. Works beside a running tracker. `usage` for a
/// name that a machine may not have, `conflict` where another machine has it that was neither revoked nor removed.
Result<Rename> rename_machine(Database& database, const std::string& who, const std::string& name);

}  // namespace shoal::tracker
