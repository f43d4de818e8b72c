// The state directory of an enrolled machine: identity/{key.pem,cert.pem,ca.pem,trust-root.json,fleet.json}.
#pragma once

#include <memory>
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

/// `not_enrolled` with "run shoal join" where there is none; expired certificates load (the caller decides).
Result<Member> load_member(const fs::path& state);
/// Writes everything durably, key with mode 0600, fleet.json last, so that a half-written directory counts as not enrolled.
Status save_member(const fs::path& state, const Member& member);
/// After a renewal: key and certificate in one file swap (a crash leaves the old pair or the new, never a mix).
Status save_credentials(const fs::path& state, const Credentials& credentials);

}  // namespace shoal::identity
