// Documents that the rules allow; attack_test.cpp has those that they refuse.
#include "manifest/trust.hpp"

#include "doctest/doctest.h"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using namespace shoal::test;
using manifest::SignedEnvelope;
using manifest::Verifier;

TEST_CASE("a root is pinned by the SHA-256 of its payload and restored later") {
  Fleet fleet;
  SignedEnvelope root = fleet.sign_root(fleet.root());
  manifest::TrustFingerprint fingerprint = manifest::trust_fingerprint(root.payload);
  Result<Verifier> pinned = Verifier::pin(root, fingerprint);
  REQUIRE(pinned.ok());
  CHECK(pinned->fingerprint() == fingerprint);
  CHECK(pinned->root().version == 4);
  Result<Verifier> restored = Verifier::restore(root);
  REQUIRE(restored.ok());
  CHECK(restored->fingerprint() == fingerprint);
}

TEST_CASE("signatures by strangers beside the good one do no harm") {
  Fleet fleet;
  SignedEnvelope envelope =
      manifest::sign(manifest::release_type, encode(good_release()), {fleet.stranger, fleet.elsewhere, fleet.publisher});
  envelope.signatures.push_back({Fleet::id(fleet.second), "not a signature"});
  CHECK(fleet.verifier().release(envelope, model()).ok());
}

TEST_CASE("a bad signature under a key does not hide a good one by the same key") {
  Fleet fleet;
  SignedEnvelope envelope = fleet.sign_release(good_release());
  envelope.signatures.insert(envelope.signatures.begin(), {Fleet::id(fleet.publisher), "garbage"});
  CHECK(fleet.verifier().release(envelope, model()).ok());
}

TEST_CASE("two different keys reach a threshold of two, in any order") {
  Fleet fleet;
  manifest::Release release = good_release();
  release.model = model("acme/vault");
  for (auto keys : {std::vector{fleet.publisher, fleet.second}, std::vector{fleet.second, fleet.publisher}})
    CHECK(fleet.verifier().release(manifest::sign(manifest::release_type, encode(release), keys), release.model).ok());
}

TEST_CASE("a publisher signs for the models of its patterns") {
  Fleet fleet;
  for (const char* name : {"other/a", "other/b", "third/bird"}) {
    manifest::Release release = good_release();
    release.model = model(name);
    CHECK(fleet.verifier().release(manifest::sign(manifest::release_type, encode(release), {fleet.elsewhere}), release.model).ok());
  }
  manifest::Release release = good_release();
  release.model = model("third/birds");
  CHECK_FALSE(fleet.verifier().release(manifest::sign(manifest::release_type, encode(release), {fleet.elsewhere}), release.model).ok());
}

TEST_CASE("a pointer is accepted when it is new, and again when it is the one that was seen") {
  Fleet fleet;
  SignedEnvelope envelope = fleet.sign_pointer(good_pointer());
  for (manifest::SeenSequence seen : {manifest::SeenSequence{}, {3, 6}, {3, 7}, {2, 100}}) {
    Result<manifest::VerifiedChannelPointer> pointer = fleet.verifier().channel(envelope, model(), channel(), seen, fleet.now);
    REQUIRE(pointer.ok());
    CHECK((*pointer)->release == good_pointer().release);
  }
}

TEST_CASE("a pointer is good until the second before it expires") {
  Fleet fleet;
  SignedEnvelope envelope = fleet.sign_pointer(good_pointer());
  auto at = [&](WallTime now) { return fleet.verifier().channel(envelope, model(), channel(), {}, now).ok(); };
  CHECK(at(good_pointer().expires - std::chrono::seconds(1)));
  CHECK_FALSE(at(good_pointer().expires));
}

TEST_CASE("the root rotates when old and new keys sign, and what the old publisher signs is over") {
  Fleet fleet;
  Verifier verifier = fleet.verifier();
  crypto::PrivateKey new_root = crypto::PrivateKey::generate(), new_publisher = crypto::PrivateKey::generate();
  manifest::TrustRoot next = fleet.root();
  next.version = 5;
  next.epoch = 4;
  next.keys = {new_root.public_key(), new_publisher.public_key()};
  next.root_keys = {Fleet::id(new_root)};
  next.root_threshold = 1;
  next.publishers = {{{"*"}, {Fleet::id(new_publisher)}, 1}};
  REQUIRE(verifier.rotate(manifest::sign(manifest::trust_root_type, encode(next), {fleet.root_a, fleet.root_b, new_root})).ok());

  CHECK(verifier.root().version == 5);
  CHECK_FALSE(verifier.release(fleet.sign_release(good_release()), model()).ok());
  CHECK(verifier.release(manifest::sign(manifest::release_type, encode(good_release()), {new_publisher}), model()).ok());

  // A stolen key's fast-forward is undone: the new epoch ranks above any sequence of the old one.
  manifest::ChannelPointer pointer = good_pointer();
  pointer.epoch = 4;
  pointer.sequence = 1;
  SignedEnvelope signed_pointer = manifest::sign(manifest::channel_type, encode(pointer), {new_publisher});
  CHECK(verifier.channel(signed_pointer, model(), channel(), {3, manifest::number_limit}, fleet.now).ok());
}
