// What `shoal`, `shoal GROUP` and `shoal COMMAND --help` print, from the command table.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"

namespace shoal::cli {

/// All commands, by topic.
std::string overview(const std::vector<Command>& commands, const std::string& version);
/// The same as data, with everything about each command: what man pages and completions are made of.
Json help_json(const std::vector<Command>& commands, const std::string& version);
/// The commands of one group ("token").
std::string group_help(const std::string& group, const std::vector<Command>& commands);
/// The help of one command, with `all` everything about it; descriptions are wrapped at `width` columns.
std::string command_help(const Command& command, unsigned width, bool all);

}  // namespace shoal::cli
