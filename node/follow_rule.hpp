// The channel of `shoal node run --follow` or of a [[follow]] table in the configuration file. Pure.
#pragma once

#include "base/config.hpp"
#include "node/subscriptions.hpp"

namespace shoal::node {

/// The members of a [[follow]] table.
const std::vector<ConfigField>& follow_fields();

/// "org/name:channel", "org/name" (its channel main), or a table with hooks of its own. Code `usage` for anything else.
Result<Subscription> parse_follow(const std::string& text);

}  // namespace shoal::node
