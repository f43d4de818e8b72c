// The options of `shoal seed` that tell what to watch.
#pragma once

#include <vector>

#include "cli/command.hpp"
#include "seeder/watcher.hpp"

namespace shoal::seeder {

/// For whatever hashes.
extern const cli::Option hash_rate_option;
/// Bytes per second; 0 is no limit.
Result<ByteCount> hash_rate_of(const cli::Invocation& call);

std::vector<cli::Option> watch_options();
/// Code `usage` for rules that cannot be.
Result<WatchOptions> watch_options_of(const cli::Invocation& call);

}  // namespace shoal::seeder
