// `shoal top`: the fleet in a terminal.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::top {

std::vector<cli::Command> commands();

}  // namespace shoal::top
