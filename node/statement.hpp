// The tracker's freshness statement, for a command that looks once. A node that runs hears of each (node/follower.hpp).
#pragma once

#include "base/clock.hpp"
#include "base/files.hpp"
#include "manifest/trust.hpp"
#include "registry/client.hpp"

namespace shoal::node {

/// STATE/freshness.json, which the follower keeps, too.
fs::path statement_file(const fs::path& state);

/// What the tracker states now. Refused (`verification`) where it is expired, not signed by the tracker, or older than one that this
/// machine has seen; durable when this returns, so that an older one is refused from then on. The state directory must be locked.
Result<manifest::VerifiedFreshness> newest_statement(registry::Client& tracker, const manifest::Verifier& verifier, const fs::path& state,
                                                     const Clock& clock);

}  // namespace shoal::node
