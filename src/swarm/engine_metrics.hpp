// What a machine that carries content has to say to Prometheus.
#pragma once

#include "metrics/page.hpp"
#include "swarm/swarm.hpp"

namespace shoal::swarm {

/// Thread-safe.
void describe_engine(metrics::Page& page, const mesh::Mesh& mesh, const Swarm& swarm);

}  // namespace shoal::swarm
