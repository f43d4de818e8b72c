#include "manifest/envelope.hpp"

#include <algorithm>

#include "manifest/document.hpp"

namespace shoal::manifest {
namespace {

// An ECDSA P-256 signature in DER has at most 72 bytes.
constexpr std::size_t signature_limit = 72;
constexpr std::size_t signature_count_limit = 64;
constexpr std::size_t type_limit = 128;
// Neither base64 nor our payload types hold a comma, so an honest envelope has three for each signature at most.
constexpr std::ptrdiff_t comma_limit = 4 * static_cast<std::ptrdiff_t>(signature_count_limit);

ByteCount envelope_limit(ByteCount payload_limit) { return payload_limit / 3 * 4 + 64 * KiB; }

/// Unverified JSON of 85 MiB must not become gigabytes of small values: their number is bounded before it is parsed.
Status check_shape(std::string_view json, ByteCount payload_limit) {
  ByteCount limit = envelope_limit(payload_limit);
  if (json.size() > limit) return fail("envelope of " + format_bytes(json.size()) + " is larger than the limit of " + format_bytes(limit));
  if (std::count(json.begin(), json.end(), ',') > comma_limit) return fail("envelope: it has too many members");
  return {};
}

Result<Signature> decode_signature(const Json& json) {
  JsonReader reader(json, "envelope: signature");
  Signature signature;
  signature.key = reader.as<crypto::KeyId>("keyid", crypto::KeyId::from_hex);
  signature.signature = reader.as<std::string>("sig", from_base64);
  SHOAL_CHECK(reader.finish());
  if (signature.signature.empty() || signature.signature.size() > signature_limit)
    return fail("envelope: a signature of " + std::to_string(signature.signature.size()) + " bytes is not one of ECDSA P-256");
  return signature;
}

Result<std::vector<Signature>> decode_signatures(const Json& array) {
  if (array.empty() || array.size() > signature_count_limit)
    return fail("envelope: " + std::to_string(array.size()) + " signatures; 1 to " + std::to_string(signature_count_limit) +
                " are allowed");
  std::vector<Signature> signatures;
  for (const Json& item : array) {
    SHOAL_TRY(Signature signature, decode_signature(item));
    signatures.push_back(std::move(signature));
  }
  return signatures;
}

}  // namespace

std::string SignedEnvelope::encode() const {
  OrderedJson list = OrderedJson::array();
  for (const Signature& signature : signatures) list.push_back({{"keyid", signature.key.hex()}, {"sig", to_base64(signature.signature)}});
  OrderedJson json;
  json["payloadType"] = payload_type;
  json["payload"] = to_base64(payload);
  json["signatures"] = std::move(list);
  return json.dump();
}

Result<SignedEnvelope> SignedEnvelope::decode(std::string_view json, ByteCount limit) {
  SHOAL_CHECK(check_shape(json, limit));
  SHOAL_TRY(Json parsed, parse_json(json, envelope_limit(limit)).within("envelope"));
  JsonReader reader(parsed, "envelope");
  SignedEnvelope envelope;
  envelope.payload_type = reader.string("payloadType");
  envelope.payload = reader.as<std::string>("payload", from_base64);
  const Json& signatures = reader.array("signatures");
  SHOAL_CHECK(reader.finish());
  if (envelope.payload_type.size() > type_limit) return fail("envelope: payloadType is too long");
  if (envelope.payload.size() > limit) return fail("envelope: the payload is larger than the limit of " + format_bytes(limit));
  SHOAL_TRY(envelope.signatures, decode_signatures(signatures));
  return envelope;
}

std::string pre_authentication_encoding(std::string_view payload_type, std::string_view payload) {
  std::string out;
  out.reserve(payload.size() + payload_type.size() + 64);
  out.append("DSSEv1 ").append(std::to_string(payload_type.size())).append(" ").append(payload_type);
  out.append(" ").append(std::to_string(payload.size())).append(" ").append(payload);
  return out;
}

SignedEnvelope sign(std::string_view payload_type, std::string payload, const std::vector<crypto::PrivateKey>& keys) {
  SignedEnvelope envelope{std::string(payload_type), std::move(payload), {}};
  std::string message = pre_authentication_encoding(envelope.payload_type, envelope.payload);
  for (const crypto::PrivateKey& key : keys) envelope.signatures.push_back({key.public_key().id(), key.sign(message)});
  return envelope;
}

}  // namespace shoal::manifest
