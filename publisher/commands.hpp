// The commands of who holds a publisher's key or the root key: channel, release, fleet-wide and trust commands. `publish` may go on to
// serve, so seeder/commands.hpp has it.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::publisher {

std::vector<cli::Command> commands();

}  // namespace shoal::publisher
