// The commands of a node and of everybody who looks: join, pull, verify, status, channel list, pins, and those of the daemon.
#pragma once

#include <vector>

#include "cli/command.hpp"
#include "node/local_names.hpp"

namespace shoal::node {

std::vector<cli::Command> commands();

}  // namespace shoal::node
