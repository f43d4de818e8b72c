// Waits for a fetch to complete, and shows how it goes.
#pragma once

#include <functional>
#include <stop_token>

#include "cli/output.hpp"
#include "node/node.hpp"

namespace shoal::node {

/// Called several times a second during a fetch; `decidable`: the pieces that show what the files are have just arrived. An error ends the
/// fetch.
using Look = std::function<Status(bool decidable)>;
/// Shows progress until the node has all of the release. Errors: what the swarm says has failed; those of `look`; `interrupted`.
Status await_completion(Node& node, const manifest::VerifiedRelease& release, cli::Output& out, const std::stop_token& stop,
                        const Look& look = {});

/// Seconds-to-go, peers and origin of the bytes, for progress lines.
cli::Moment moment_of(const std::string& what, const swarm::Progress& progress, const TransferFacts& facts);

}  // namespace shoal::node
