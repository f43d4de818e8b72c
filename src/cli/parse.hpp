// From argv to a command and the options that were given: the one place that sees CLI11.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/command.hpp"

namespace shoal::cli {

/// What the command line itself says; environment, file and defaults come later (values.hpp).
struct Parsed {
  const Command* command = nullptr;  // null: only a group ("token") or nothing was named
  std::string group;                 // the words that name the group
  std::map<std::string, std::vector<std::string>> given;
  bool help = false;
  bool help_all = false;  // then `help` as well
  bool version = false;
};

/// Fails with `usage`, and names what was probably meant, for a command or an option that does not exist.
Result<Parsed> parse(int argc, const char* const* argv, const std::vector<Command>& commands);

/// The options that every command takes.
const std::vector<Option>& common_options();
/// Those that this command does not redefine.
std::vector<Option> common_options_of(const Command& command);

}  // namespace shoal::cli
