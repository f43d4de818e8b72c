// The options of `pull` and `node run` for HTTPS mirrors.
#pragma once

#include "cli/command.hpp"
#include "node/node.hpp"

namespace shoal::node {

const cli::Option& mirror_after_option();
const cli::Option& mirror_ca_option();
/// Code `usage` where the file of certificates cannot be used: better said now than when everything else has failed.
Status read_mirror_options(const cli::Invocation& call, NodeOptions& options);

}  // namespace shoal::node
