// The options of `shoal seed` that tell what to watch.
#pragma once

#include <vector>

#include "cli/command.hpp"
#include "seeder/watcher.hpp"

namespace shoal::seeder {

std::vector<cli::Option> watch_options();
/// Code `usage` for rules that cannot be.
Result<WatchOptions> watch_options_of(const cli::Invocation& call);

}  // namespace shoal::seeder
