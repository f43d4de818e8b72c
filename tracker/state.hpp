// The tracker's state directory: authority/{key.pem,cert.pem}, identity/ as every member has it, tracker.db, lock.
#pragma once

#include "base/files.hpp"
#include "identity/authority.hpp"
#include "identity/member.hpp"

namespace shoal::tracker {

fs::path database_path(const fs::path& state);

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
