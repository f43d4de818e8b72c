// The tracker's state directory: authority/{key.pem,cert.pem}, identity/ as every member has it, freshness.{key,pub}, tracker.db,
// lock.
#pragma once

#include "base/files.hpp"
#include "crypto/signing_key.hpp"
#include "identity/authority.hpp"
#include "identity/member.hpp"

namespace shoal::tracker {

fs::path database_path(const fs::path& state);

/// freshness.key (0600), and freshness.pub for whoever signs trust roots. Loads them; makes them where there are none.
Result<crypto::PrivateKey> load_or_make_freshness_key(const fs::path& state);
/// Writes both.
Status save_freshness_key(const fs::path& state, const crypto::PrivateKey& key);

/// Creates authority/ with the CA's key (mode 0600) and certificate.
Status save_authority(const fs::path& state, const identity::Authority& authority);
/// `not_found` with "run shoal fleet init" where there is none.
Result<identity::Authority> load_authority(const fs::path& state);
/// The tracker as a member of its own fleet; the same refusal, and one where the directory belongs to another role.
Result<identity::Member> load_tracker(const fs::path& state);

/// A certificate for the tracker itself: role tracker, the host of its URL and loopback as names, so that stock clients can
/// check it.
identity::Authority::Grant tracker_grant(const identity::Identity& identity, const HostPort& url, WallTime now, std::chrono::seconds life);

}  // namespace shoal::tracker
