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

/// The values of a call, where each option's came from ("flag", "SHOAL_STATE", "/etc/shoal/node.toml:5", "default"), and warnings for
/// people about forms that the next release does not read.
struct Resolved {
  Values values;
  std::map<std::string, std::string> origins;
  std::vector<std::string> warnings;
};

/// The file that --config or SHOAL_CONFIG names; "" for none.
std::string config_path(const Values& given);
/// The keys of all commands.
std::vector<ConfigKey> known_keys(const std::vector<Command>& commands);
/// Checks one value of an option: code `usage`, without the option's name. An empty value is that of an option that
/// is not set.
Status check_value(const Option& option, const std::string& text);

/// A text as it may be shown: without the user, the password and the query of a URL.
std::string without_secrets(const std::string& text);

/// Completes what the command line gave. Reads the file that --config or SHOAL_CONFIG names; a key of any command is known
/// there, so that one file serves all commands of a machine. Fails with `usage` when something required is missing.
/// A value that its option rejects is rejected with the place it came from.
Result<Resolved> resolve_all(const Command& command, const Values& given, const std::vector<Command>& commands);
Result<Values> resolve(const Command& command, const Values& given, const std::vector<Command>& commands);

}  // namespace shoal::cli
