// The commands of the machine that has the files: seed, and publish, which may go on to serve (--seed).
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::seeder {

std::vector<cli::Command> commands();

}  // namespace shoal::seeder
