// The commands of a node that stays: node run, follow, unfollow, limit.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::node {

std::vector<cli::Command> agent_commands();

}  // namespace shoal::node
