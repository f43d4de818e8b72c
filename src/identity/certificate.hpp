// Certificates as the fleet understands them: who, in which role, until when.
#pragma once

#include <openssl/types.h>

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace shoal::identity {

enum class Role { tracker, seeder, node, publisher, admin };
std::string_view name(Role role);
Result<Role> parse_role(std::string_view text);

/// What the one URI SAN says: spiffe://<fleet>/<role>/<id> (SPIFFE X.509-SVID).
struct Identity {
  FleetName fleet;
  Role role = Role::node;
  NodeId id;

  std::string uri() const;
  bool operator==(const Identity&) const = default;
};
Result<Identity> parse_identity(std::string_view uri);

/// SHA-256 of the DER SubjectPublicKeyInfo (RFC 7469): what a join token pins.
using SpkiPin = Digest<32, struct SpkiPinTag>;

/// A certificate whose profile was checked. That its signature chains to the CA is the handshake's business.
struct Certificate {
  Identity identity;
  WallTime not_before;
  WallTime not_after;
  std::string serial;  // lower-case hexadecimal
  Sha256 fingerprint;  // of the DER
  SpkiPin key;
};

/// Checks the profile of a leaf: exactly one URI SAN of the form above, no DNS name with a NUL, P-256 key, CA:FALSE, both
/// EKUs, key usage digitalSignature. Code `not_enrolled` on refusal.
Result<Certificate> inspect(const X509* certificate);
Result<Certificate> inspect_pem(std::string_view pem);
/// `inspect` and: of this fleet, and valid at `now`.
Result<Certificate> inspect(const X509* certificate, const FleetName& fleet, WallTime now);

Result<SpkiPin> spki_pin(const X509* certificate);
Result<SpkiPin> spki_pin_of_pem(std::string_view pem);

/// A new P-256 key (PKCS#8 PEM) and a certificate request for it (PKCS#10 PEM) without any name.
struct KeyAndRequest {
  std::string key_pem;
  std::string request_pem;
};
KeyAndRequest make_request();

}  // namespace shoal::identity
