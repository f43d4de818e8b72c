#include "publisher/commands.hpp"

#include "publisher/command_parts.hpp"

namespace shoal::publisher {

std::vector<cli::Command> commands() {
  std::vector<cli::Command> all;
  for (auto* some : {channel_commands, renewal_commands, fleet_commands, trust_commands})
    for (cli::Command& command : some()) all.push_back(std::move(command));
  return all;
}

}  // namespace shoal::publisher
