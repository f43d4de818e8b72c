// The join token: one string that carries all a new machine needs to trust the fleet and to be let in.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/units.hpp"
#include "identity/certificate.hpp"

namespace shoal::identity {

/// "shoal1." and base64url fields joined by '.': tracker, CA pin, trust root fingerprint, id, secret, and a checksum (the first
/// four bytes of SHA-256 over what precedes it), so that a mangled token is told apart from a refused one.
struct JoinToken {
  HostPort tracker;
  SpkiPin ca_pin;
  Sha256 trust_root;   // fingerprint of the trust root
  std::string id;      // 10 bytes, raw
  std::string secret;  // 32 bytes, raw

  std::string encode() const;
  static Result<JoinToken> decode(std::string_view text);
};

/// What the tracker keeps of a secret.
Sha256 hash_of_secret(std::string_view secret);

}  // namespace shoal::identity
