// The tracker's freshness statement, for a command that looks once. A node that runs hears of each (node/follower.hpp).
#pragma once

#include "base/clock.hpp"
#include "base/files.hpp"
#include "manifest/trust.hpp"
#include "registry/client.hpp"

namespace shoal::node {

/// STATE/freshness.json, which the follower keeps, too.
fs::path statement_file(const fs::path& state);

/// What it holds at most: an envelope a line, no two for the same place.
inline constexpr ByteCount kept_statements_limit = 256 * MiB;

Error other_statement();
Error older_statement(WallTime issued, WallTime before);

/// What the tracker states now of the channels of a place's shard. Refused (`verification`) where it is expired, not signed by the tracker,
/// or older than one of the same channels that this machine has seen; durable when this returns, so that an older one is refused from then
/// on. The state directory must be locked.
Result<manifest::VerifiedFreshness> newest_statement(registry::Client& tracker, const manifest::Verifier& verifier, const fs::path& state,
                                                     const Clock& clock, manifest::ChannelPlace place);

}  // namespace shoal::node
