// The commands gc and remove: what stays on this disk, and what goes. They need neither the tracker nor a certificate.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace shoal::node {

std::vector<cli::Command> gc_commands();

}  // namespace shoal::node
