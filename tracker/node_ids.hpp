// New names for machines.
#pragma once

#include "base/ids.hpp"

namespace shoal::tracker {

/// 12 random characters of base32 (60 bits).
NodeId make_node_id();

}  // namespace shoal::tracker
