// The commands beside the source: publish, seed, channel set.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::seeder {

std::vector<cli::Command> commands();

}  // namespace shoal::seeder
