// Variables that set arguments and single-call options in earlier versions, and are no longer read.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/values.hpp"

namespace shoal::cli {

/// A warning for each that is set and would have been read for this call: "SHOAL_MODEL is set, but no longer sets --model: ...". None for
/// the variables of a hook, which a node sets under their former names as well, and none where the command line gives the value.
std::vector<std::string> former_variable_warnings(const Command& command, const Values& given);

}  // namespace shoal::cli
