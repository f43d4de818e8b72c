// The values of a command's options: flag, then SHOAL_* variable, then configuration file, then default.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/command.hpp"

namespace shoal::cli {

using Values = std::map<std::string, std::vector<std::string>>;

/// "--seed-for" is SHOAL_SEED_FOR.
std::string environment_name(const std::string& option);

/// The variable that sets this option; "" for --help, the program's --version and options that only a flag sets.
std::string variable_of(const Option& option);

/// "true", "yes", "on", "1" and their opposites; `what` names the option in the error.
Result<bool> parse_switch(const std::string& text, const std::string& what);

/// Completes what the command line gave. Reads the file that --config or SHOAL_CONFIG names; a key of any command is known
/// there, so that one file serves all commands of a machine. Fails with `usage` when something required is missing.
Result<Values> resolve(const Command& command, const Values& given, const std::vector<Command>& commands);

}  // namespace shoal::cli
