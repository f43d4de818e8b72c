// Names that this machine knows, for completion in a shell.
#pragma once

#include <string>
#include <vector>

namespace shoal::node {

/// Names of a kind that the state directory knows, in order: "channel" (followed or pulled), "followed", "model", "release" (on disk),
/// "pin" (pinned releases), or "reference" (whatever `pull` takes). Asks nobody; reads at most 100 manifests. Empty for what cannot be
/// read.
std::vector<std::string> local_names(const std::string& kind, const std::string& state);

}  // namespace shoal::node
