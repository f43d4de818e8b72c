// Who may sign what, and the one class that says yes. No I/O.
#pragma once

#include <vector>

#include "manifest/deletion.hpp"
#include "manifest/envelope.hpp"
#include "manifest/freshness.hpp"
#include "manifest/release.hpp"
#include "manifest/withdrawal.hpp"

namespace shoal::manifest {

/// Publisher keys for the models that a pattern names: "*" (all), "org/*" or "org/name".
struct PublisherRule {
  std::vector<std::string> models;  // a pattern stands in one rule only
  std::vector<crypto::KeyId> keys;
  std::uint32_t threshold = 1;
  bool operator==(const PublisherRule&) const = default;
};

struct TrustRoot {
  std::uint64_t version = 1;
  FleetName fleet;
  std::uint64_t epoch = 1;
  WallTime expires;
  std::vector<crypto::PublicKey> keys;  // every key that the rules below name by id
  std::vector<crypto::KeyId> root_keys;
  std::uint32_t root_threshold = 1;
  std::vector<PublisherRule> publishers;
  /// Of the tracker, which signs freshness statements with any one of them and nothing else. Empty in fleets of before: no statement
  /// is asked for there.
  std::vector<crypto::KeyId> tracker_keys;

  /// The rule for a model: the one that names it most exactly ("org/name" before "org/*" before "*"); null where none does.
  const PublisherRule* rule_for(const ModelName& model) const;
};

Status check(const TrustRoot& root);
/// The payload bytes of a trust root that passes check().
std::string encode(const TrustRoot& root);
Result<TrustRoot> decode_trust_root(std::string_view payload);

/// Only a Verifier makes one of these: what may be fetched, activated or shown as true.
class VerifiedRelease {
 public:
  const Release& operator*() const { return release_; }
  const Release* operator->() const { return &release_; }
  const ReleaseId& id() const { return id_; }

 private:
  friend class Verifier;
  VerifiedRelease(Release release, ReleaseId id) : release_(std::move(release)), id_(id) {}
  Release release_;
  ReleaseId id_;
};

class VerifiedChannelPointer {
 public:
  const ChannelPointer& operator*() const { return pointer_; }
  const ChannelPointer* operator->() const { return &pointer_; }

 private:
  friend class Verifier;
  explicit VerifiedChannelPointer(ChannelPointer pointer) : pointer_(std::move(pointer)) {}
  ChannelPointer pointer_;
};

class VerifiedFreshness {
 public:
  const Freshness& operator*() const { return freshness_; }
  const Freshness* operator->() const { return &freshness_; }

 private:
  friend class Verifier;
  explicit VerifiedFreshness(Freshness freshness) : freshness_(std::move(freshness)) {}
  Freshness freshness_;
};

/// (epoch, sequence) that a node has accepted before, for a channel.
struct SeenSequence {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  auto operator<=>(const SeenSequence&) const = default;
};

/// SHA-256 of the payload of the trust root; what `join --trust-root` takes.
using TrustFingerprint = Digest<32, struct TrustFingerprintTag>;
TrustFingerprint trust_fingerprint(std::string_view payload);

/// Applies the numbered rules of docs/security.md ("Verification rules"). Immutable but for `rotate`; one thread at a time.
/// Every refusal has code `verification` and names the rule's object.
class Verifier {
 public:
  /// The first trust root, pinned by its fingerprint; it must also carry its own threshold of signatures.
  static Result<Verifier> pin(const SignedEnvelope& root, const TrustFingerprint& fingerprint);
  /// A root that this machine pinned before and stored; its signatures are checked again.
  static Result<Verifier> restore(const SignedEnvelope& root);

  /// The next trust root: version exactly one higher, same fleet, signed by the thresholds of both.
  Status rotate(const SignedEnvelope& next);

  /// A release for `expected_model` (and, if given, `expected_id`), signed by the threshold of publishers for that model.
  Result<VerifiedRelease> release(const SignedEnvelope& envelope, const ModelName& expected_model) const;
  Result<VerifiedRelease> release(const SignedEnvelope& envelope, const ModelName& expected_model, const ReleaseId& expected_id) const;
  /// A withdrawal of a release of `model`, signed by the threshold of publishers for that model.
  Result<Withdrawal> withdrawal(const SignedEnvelope& envelope, const ModelName& model, const VersionName& version) const;
  /// A deletion of `channel`, of the trust root's epoch, signed by the threshold of publishers for its model.
  Result<Deletion> deletion(const SignedEnvelope& envelope, const ModelName& model, const ChannelName& channel) const;
  /// A pointer for `model` and `channel`, not below `seen` and not expired at `now`; equal to `seen` is accepted.
  Result<VerifiedChannelPointer> channel(const SignedEnvelope& envelope, const ModelName& model, const ChannelName& channel,
                                         const SeenSequence& seen, WallTime now) const;
  /// A statement of this fleet's tracker, signed by one of `tracker_keys`, not expired at `now`.
  Result<VerifiedFreshness> freshness(const SignedEnvelope& envelope, WallTime now) const;

  const TrustRoot& root() const { return root_; }
  TrustFingerprint fingerprint() const { return fingerprint_; }

 private:
  Verifier(TrustRoot root, TrustFingerprint fingerprint) : root_(std::move(root)), fingerprint_(fingerprint) {}
  TrustRoot root_;
  TrustFingerprint fingerprint_;
};

}  // namespace shoal::manifest
