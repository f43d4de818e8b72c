// The commands of a node and of everybody who looks: join, pull, verify, status, channel list.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::node {

std::vector<cli::Command> commands();

}  // namespace shoal::node
