// From the words of a command line to an exit code.
#pragma once

#include <map>

#include "cli/completion.hpp"

namespace shoal::cli {

/// Parses, runs and reports: prints the error (text or JSON) and returns the exit code. Adds --config --json --quiet --log-level
/// --version --help --help-all to every command.
/// `services` names the commands whose settings `config show` shows: {"node", "node run"}. `names` completes names of this machine.
int run(int argc, const char* const* argv, const std::string& version, std::vector<Command> commands,
        const std::map<std::string, std::string>& services = {}, const LocalNames& names = {});

}  // namespace shoal::cli
