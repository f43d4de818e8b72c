// The option --gateway of `node run`.
#pragma once

#include "cli/command.hpp"

namespace shoal::node {

const cli::Option& gateway_option();
/// No host where there is to be no gateway. Code `usage` for an address that is not a loopback one.
Result<HostPort> gateway_address(const cli::Invocation& call);

}  // namespace shoal::node
