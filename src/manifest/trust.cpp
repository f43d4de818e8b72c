#include "manifest/trust.hpp"

#include <algorithm>
#include <set>

#include "base/encoding.hpp"

// The rules of docs/security.md ("Verification rules"), in the order in which they are applied. Nothing of a payload is read
// before the signatures on its exact bytes have been counted, but for a trust root, whose own keys are inside it: that one is
// either pinned by its digest (R3), stored by this machine before, or signed by the root that is trusted already (R5).
//
// Every document
//   R1  The payload type is the one of the document that was asked for.
//   R2  The payload is signed by at least the threshold of different authorised keys, over the DSSE pre-authentication encoding
//       of its exact bytes. Signatures by other keys, bad ones and second ones by the same key do not count; they do no harm.
// Trust roots
//   R3  The first root has the pinned fingerprint (SHA-256 of the payload).
//   R4  A root keeps every rule of docs/formats.md and carries its own threshold of root signatures.
//   R5  The next root is also signed by the threshold of the root before it.
//   R6  The next root is of the same fleet, has a version exactly one higher, and an epoch that is not lower.
// Releases
//   R7  The id (SHA-256 of the payload) is the one that was asked for, where one was.
//   R8  The authorised keys (R2) are those of the rule that names the model most exactly; no rule, no release.
//   R9  The payload keeps every rule of docs/formats.md, paths and sizes included.
//   R10 It is for the model that was asked for.
// Channel pointers
//   R11 The trust root has not expired.
//   R12 The authorised keys (R2) are those of the model's rule (R8), and the payload keeps every rule of docs/formats.md.
//   R13 It is for the model and the channel that were asked for.
//   R14 Its epoch is the trust root's: what was issued before the keys rotated is over, what claims a later epoch is not yet known.
//   R15 (epoch, sequence) is not lower than what was seen before.
//   R16 It has not expired.
// Freshness statements
//   R17 The authorised keys (R2) are the trust root's tracker keys; any one of them is enough, and without any there is no statement.
//   R18 The payload keeps every rule of docs/formats.md: it lists channels of the shard that it names alone.
//   R19 It is of the trust root's fleet.
//   R20 It has not expired.
// Withdrawals
//   R21 The authorised keys (R2) are those of the model's rule (R8), and the payload keeps every rule of docs/formats.md.
//   R22 It is for the model and the version that were asked for. That its release is the one of that version is for the registry to
//   compare.
// Deletions of channels
//   R23 The authorised keys (R2) are those of the model's rule (R8), and the payload keeps every rule of docs/formats.md.
//   R24 It is for the model and the channel that were asked for.
//   R25 Its epoch is the trust root's.

namespace shoal::manifest {
namespace {

using crypto::KeyId;
using crypto::PublicKey;

Error refuse(std::string why) { return fail(ErrorCode::verification, std::move(why)); }

/// The same refusal with the code of this class, whatever a parser called it.
Error as_verification(Error error) { return refuse(std::move(error.message)); }

Status check_type(const SignedEnvelope& envelope, std::string_view type, std::string_view what) {  // R1
  if (envelope.payload_type == type) return {};
  return refuse(std::string(what) + ": the envelope is of type '" + printable(envelope.payload_type) + "', not '" + std::string(type) +
                "'");
}

const PublicKey* find_key(const std::vector<PublicKey>& keys, const KeyId& id) {
  auto found = std::find_if(keys.begin(), keys.end(), [&](const PublicKey& key) { return key.id() == id; });
  return found == keys.end() ? nullptr : &*found;
}

std::set<KeyId> signers_of(const SignedEnvelope& envelope, const std::vector<KeyId>& authorised, const std::vector<PublicKey>& keys) {
  std::string message = pre_authentication_encoding(envelope.payload_type, envelope.payload);
  std::set<KeyId> signers;
  for (const Signature& signature : envelope.signatures) {
    bool counts = std::find(authorised.begin(), authorised.end(), signature.key) != authorised.end();
    if (!counts || signers.contains(signature.key)) continue;
    const PublicKey* key = find_key(keys, signature.key);
    if (key != nullptr && key->verifies(message, signature.signature)) signers.insert(signature.key);
  }
  return signers;
}

Status check_signatures(const SignedEnvelope& envelope, const std::vector<KeyId>& authorised, std::uint32_t threshold,  // R2
                        const std::vector<PublicKey>& keys, const std::string& what) {
  std::size_t count = signers_of(envelope, authorised, keys).size();
  if (threshold > 0 && count >= threshold) return {};
  return refuse(what + ": " + std::to_string(count) + " good signatures by authorised keys, " + std::to_string(threshold) + " are needed");
}

Result<TrustRoot> self_signed_root(const SignedEnvelope& envelope) {  // R1, R4
  SHOAL_CHECK(check_type(envelope, trust_root_type, "trust root"));
  Result<TrustRoot> root = decode_trust_root(envelope.payload);
  if (!root.ok()) return as_verification(std::move(root).error());
  SHOAL_CHECK(check_signatures(envelope, root->root_keys, root->root_threshold, root->keys, "trust root"));
  return root;
}

Status check_succession(const TrustRoot& now, const TrustRoot& next) {  // R6
  if (next.fleet != now.fleet) return refuse("trust root: it is of fleet " + next.fleet.str() + ", not " + now.fleet.str());
  if (next.version != now.version + 1)
    return refuse("trust root: version " + std::to_string(next.version) + " does not follow " + std::to_string(now.version));
  if (next.epoch < now.epoch)
    return refuse("trust root: epoch " + std::to_string(next.epoch) + " is lower than " + std::to_string(now.epoch));
  return {};
}

Status check_publishers(const TrustRoot& root, const SignedEnvelope& envelope, const ModelName& model, std::string_view what) {  // R8
  std::string object = std::string(what) + " for " + model.str();
  const PublisherRule* rule = root.rule_for(model);
  if (rule == nullptr) return refuse(object + ": the trust root names no publisher for this model");
  return check_signatures(envelope, rule->keys, rule->threshold, root.keys, object);
}

std::string place(const SeenSequence& at) { return std::to_string(at.epoch) + "." + std::to_string(at.sequence); }

std::string name_of(const ModelName& model, const ChannelName& channel) { return "channel " + ChannelRef{model, channel}.str(); }

Status check_freshness(const ChannelPointer& pointer, const TrustRoot& root, const SeenSequence& seen, WallTime now) {
  std::string what = name_of(pointer.model, pointer.channel);
  SeenSequence at{pointer.epoch, pointer.sequence};
  if (pointer.epoch != root.epoch)  // R14
    return refuse(what + ": the pointer has epoch " + std::to_string(pointer.epoch) + ", the trust root " + std::to_string(root.epoch));
  if (at < seen) return refuse(what + ": sequence " + place(at) + " is lower than " + place(seen) + ", which was seen before");  // R15
  if (now >= pointer.expires)                                                                                                    // R16
    return refuse(what + ": the pointer expired " + format_time(pointer.expires) + "; a publisher renews it: 'shoal channel renew " +
                  pointer.ref().str() + "'");
  return {};
}

}  // namespace

Result<Verifier> Verifier::pin(const SignedEnvelope& root, const TrustFingerprint& fingerprint) {
  TrustFingerprint actual = trust_fingerprint(root.payload);
  if (actual != fingerprint)  // R3
    return refuse("trust root: its fingerprint is " + actual.hex() + ", not " + fingerprint.hex() +
                  "; check where the fingerprint came from");
  return restore(root);
}

Result<Verifier> Verifier::restore(const SignedEnvelope& root) {
  SHOAL_TRY(TrustRoot decoded, self_signed_root(root));
  return Verifier(std::move(decoded), trust_fingerprint(root.payload));
}

Status Verifier::rotate(const SignedEnvelope& next) {
  SHOAL_CHECK(check_type(next, trust_root_type, "trust root"));
  SHOAL_CHECK(check_signatures(next, root_.root_keys, root_.root_threshold, root_.keys, "next trust root, by the keys of this one"));  // R5
  SHOAL_TRY(TrustRoot decoded, self_signed_root(next));
  SHOAL_CHECK(check_succession(root_, decoded));
  root_ = std::move(decoded);
  fingerprint_ = trust_fingerprint(next.payload);
  return {};
}

Result<VerifiedRelease> Verifier::release(const SignedEnvelope& envelope, const ModelName& expected_model) const {
  SHOAL_CHECK(check_type(envelope, release_type, "release for " + expected_model.str()));
  SHOAL_CHECK(check_publishers(root_, envelope, expected_model, "release"));
  Result<Release> decoded = decode_release(envelope.payload);  // R9
  if (!decoded.ok()) return as_verification(std::move(decoded).error());
  if (decoded->model != expected_model)  // R10
    return refuse("release for " + expected_model.str() + ": it is signed for " + decoded->model.str());
  return VerifiedRelease(std::move(decoded).value(), release_id(envelope.payload));
}

Result<VerifiedRelease> Verifier::release(const SignedEnvelope& envelope, const ModelName& expected_model,
                                          const ReleaseId& expected_id) const {
  ReleaseId actual = release_id(envelope.payload);
  if (actual != expected_id)  // R7
    return refuse("release for " + expected_model.str() + ": its id is " + actual.hex() + ", not " + expected_id.hex());
  return release(envelope, expected_model);
}

Result<Withdrawal> Verifier::withdrawal(const SignedEnvelope& envelope, const ModelName& model, const VersionName& version) const {
  const std::string what = "withdrawal of " + VersionRef{model, version}.str();
  SHOAL_CHECK(check_type(envelope, withdrawal_type, what));
  SHOAL_CHECK(check_publishers(root_, envelope, model, "withdrawal"));
  Result<Withdrawal> decoded = decode_withdrawal(envelope.payload);  // R21
  if (!decoded.ok()) return as_verification(std::move(decoded).error());
  if (decoded->model != model || decoded->version != version)  // R22
    return refuse(what + ": it is for " + decoded->ref().str());
  return decoded;
}

Result<Deletion> Verifier::deletion(const SignedEnvelope& envelope, const ModelName& model, const ChannelName& channel) const {
  const std::string what = "deletion of " + ChannelRef{model, channel}.str();
  SHOAL_CHECK(check_type(envelope, deletion_type, what));
  SHOAL_CHECK(check_publishers(root_, envelope, model, "deletion of a channel"));
  Result<Deletion> decoded = decode_deletion(envelope.payload);  // R23
  if (!decoded.ok()) return as_verification(std::move(decoded).error());
  if (decoded->model != model || decoded->channel != channel)  // R24
    return refuse(what + ": it is for " + decoded->ref().str());
  if (decoded->epoch != root_.epoch)  // R25
    return refuse(what + ": it has epoch " + std::to_string(decoded->epoch) + ", the trust root " + std::to_string(root_.epoch));
  return decoded;
}

Result<VerifiedChannelPointer> Verifier::channel(const SignedEnvelope& envelope, const ModelName& model, const ChannelName& channel,
                                                 const SeenSequence& seen, WallTime now) const {
  std::string what = name_of(model, channel);
  if (now >= root_.expires)  // R11
    return refuse(what + ": the trust root expired " + format_time(root_.expires) +
                  "; who holds the root key renews it: 'shoal trust rotate --root-key FILE'");
  SHOAL_CHECK(check_type(envelope, channel_type, what));
  SHOAL_CHECK(check_publishers(root_, envelope, model, "channel pointer"));
  Result<ChannelPointer> pointer = decode_channel_pointer(envelope.payload);  // R12
  if (!pointer.ok()) return as_verification(std::move(pointer).error());
  if (pointer->model != model || pointer->channel != channel)  // R13
    return refuse(what + ": the pointer is for " + name_of(pointer->model, pointer->channel));
  SHOAL_CHECK(check_freshness(*pointer, root_, seen, now));
  return VerifiedChannelPointer(std::move(pointer).value());
}

Result<VerifiedFreshness> Verifier::freshness(const SignedEnvelope& envelope, WallTime now) const {
  const std::string what = "freshness statement";
  SHOAL_CHECK(check_type(envelope, freshness_type, what));
  if (root_.tracker_keys.empty())  // R17
    return refuse(what + ": the trust root names no tracker keys; add one with 'shoal trust rotate --add-tracker-key'");
  SHOAL_CHECK(check_signatures(envelope, root_.tracker_keys, 1, root_.keys, what));
  Result<Freshness> decoded = decode_freshness(envelope.payload);  // R18
  if (!decoded.ok()) return as_verification(std::move(decoded).error());
  if (decoded->fleet != root_.fleet)  // R19
    return refuse(what + ": it is of fleet " + decoded->fleet.str() + ", not " + root_.fleet.str());
  if (now >= decoded->expires)  // R20
    return refuse(what + ": it expired " + format_time(decoded->expires) + "; the tracker withholds newer ones, or a clock is wrong");
  return VerifiedFreshness(std::move(decoded).value());
}

}  // namespace shoal::manifest
