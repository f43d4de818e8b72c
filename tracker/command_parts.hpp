// What the commands of this role share.
#pragma once

#include <vector>

#include "cli/command.hpp"
#include "tracker/database.hpp"

namespace shoal::tracker {

extern const cli::Option state_option;

/// Of the tracker in --state, also while it runs. None is made in a directory without a tracker.
Result<Database> database_of(const cli::Invocation& call);

std::vector<cli::Command> move_commands();
cli::Command page_command();
std::vector<cli::Command> node_commands();
std::vector<cli::Command> token_commands();

}  // namespace shoal::tracker
