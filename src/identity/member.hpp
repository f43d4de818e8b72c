// The state directory of an enrolled machine: identity/{credentials.pem,trust-root.json,fleet.json}. credentials.pem holds
// key, certificate and CA, in this order, so that one rename replaces them together.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/files.hpp"
#include "identity/credentials.hpp"

namespace shoal::identity {

struct Member {
  Credentials credentials;
  HostPort tracker;
  std::string trust_root;  // the envelope's JSON, as pinned when joining
  std::string name;        // what --name said
  std::string site;        // what --site said; may be empty
};

/// `not_enrolled` with "run shoal join" where there is none or it is damaged; expired certificates load (the caller decides).
Result<Member> load_member(const fs::path& state);
/// Writes everything durably, credentials.pem with mode 0600, fleet.json last, so that a half-written directory counts as not enrolled.
Status save_member(const fs::path& state, const Member& member);
/// Replaces fleet.json alone: for an enrolled machine whose tracker has another address now.
Status save_tracker(const fs::path& state, const Member& member);
/// The credentials of the state directory where they end later than `current`; none where they do not, or cannot be read. Cheap while the
/// file has not changed since `looked`, the time that the file had when it was looked at last.
std::optional<Credentials> newer_credentials(const fs::path& state, const Credentials& current, fs::file_time_type& looked);
/// After a renewal: replaces credentials.pem (a crash leaves the old pair or the new, never a mix).
Status save_credentials(const fs::path& state, const Credentials& credentials);

}  // namespace shoal::identity
