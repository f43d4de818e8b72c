// DSSE envelopes (github.com/secure-systems-lab/dsse, v1.0): the exact payload bytes are signed, verified, then parsed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "crypto/signing_key.hpp"

namespace shoal::manifest {

inline constexpr std::string_view release_type = "application/vnd.shoal.release.v1+json";
inline constexpr std::string_view channel_type = "application/vnd.shoal.channel.v1+json";
inline constexpr std::string_view withdrawal_type = "application/vnd.shoal.withdrawal.v1+json";
inline constexpr std::string_view deletion_type = "application/vnd.shoal.deletion.v1+json";
inline constexpr std::string_view trust_root_type = "application/vnd.shoal.trust-root.v1+json";
inline constexpr std::string_view freshness_type = "application/vnd.shoal.freshness.v1+json";

inline constexpr ByteCount release_limit = 64 * MiB;
inline constexpr ByteCount channel_limit = 16 * KiB;
inline constexpr ByteCount withdrawal_limit = 8 * KiB;
inline constexpr ByteCount deletion_limit = 8 * KiB;
inline constexpr ByteCount trust_root_limit = 64 * KiB;
inline constexpr ByteCount freshness_limit = 1 * MiB;

struct Signature {
  crypto::KeyId key;
  std::string signature;  // ASN.1 DER
};

/// Signed bytes that nobody has verified yet. The payload must not be read before a Verifier has accepted it.
struct SignedEnvelope {
  std::string payload_type;
  std::string payload;
  std::vector<Signature> signatures;

  /// The JSON form, one line.
  std::string encode() const;
  /// Strict: size, members, base64. `limit` bounds the payload; the envelope may be 4/3 of it plus 64 KiB.
  static Result<SignedEnvelope> decode(std::string_view json, ByteCount limit);
};

/// Pre-authentication encoding: the bytes that are signed.
std::string pre_authentication_encoding(std::string_view payload_type, std::string_view payload);
SignedEnvelope sign(std::string_view payload_type, std::string payload, const std::vector<crypto::PrivateKey>& keys);

}  // namespace shoal::manifest
