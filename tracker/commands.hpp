// The tracker's part of the command line: fleet init, tracker run, token create.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::tracker {

std::vector<cli::Command> commands();

}  // namespace shoal::tracker
