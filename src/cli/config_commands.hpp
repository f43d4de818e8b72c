// `shoal config check` and `shoal config show`: what a configuration file says, and where a service's values come from.
#pragma once

#include <map>

#include "cli/command.hpp"

namespace shoal::cli {

/// `commands` are all others; `services` says which command each service is: {"node", "node run"}.
std::vector<Command> config_commands(std::vector<Command> commands, std::map<std::string, std::string> services);

}  // namespace shoal::cli
