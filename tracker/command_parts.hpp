// What the commands of this role share.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::tracker {

extern const cli::Option state_option;

std::vector<cli::Command> node_commands();

}  // namespace shoal::tracker
