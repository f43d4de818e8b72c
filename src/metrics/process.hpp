// What the kernel says of this process, under the names that Prometheus' own clients use.
#pragma once

#include "metrics/page.hpp"

namespace shoal::metrics {

/// Leaves out what /proc does not say.
void describe_process(Page& page);

}  // namespace shoal::metrics
