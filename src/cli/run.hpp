// From the words of a command line to an exit code.
#pragma once

#include "cli/command.hpp"

namespace shoal::cli {

/// Parses, runs and reports: prints the error (text or JSON) and returns the exit code. Adds --config --json --quiet --log-level
/// --version --help to every command.
int run(int argc, const char* const* argv, const std::string& version, const std::vector<Command>& commands);

}  // namespace shoal::cli
