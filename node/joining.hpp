// Enrolment, from the side of the machine that joins.
#pragma once

#include <optional>
#include <stop_token>

#include "base/files.hpp"
#include "identity/token.hpp"
#include "manifest/trust.hpp"

namespace shoal::node {

struct JoinRequest {
  identity::JoinToken token;
  std::optional<manifest::TrustFingerprint> trust_root;  // from elsewhere; overrides the token's
  std::string name;
  std::string site;
  bool replace = false;  // gives up a valid identity that the directory holds
};

struct Joined {
  identity::Identity identity;
  WallTime certificate_until;
};

/// Enrols this machine and writes its state directory, which is locked and known to be writable before the token's secret leaves the
/// machine. The CA's pin is checked before the secret is sent, the trust root's fingerprint before anything is written. Errors: `conflict`
/// where the directory holds a valid identity already, and the request does not replace it, `unreachable`, `not_enrolled` (token refused,
/// wrong pin), `verification` (wrong trust root).
Result<Joined> join(const fs::path& state, const JoinRequest& request, const Clock& clock, const std::stop_token& stop);

}  // namespace shoal::node
