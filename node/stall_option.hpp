// When `pull` and `node run` call a fetch stalled.
#pragma once

#include "cli/command.hpp"
#include "node/node.hpp"

namespace shoal::node {

const cli::Option& stall_after_option();
/// Code `usage` where it is less than a second.
Status read_stall_option(const cli::Invocation& call, NodeOptions& options);

}  // namespace shoal::node
