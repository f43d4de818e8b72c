// Round trips and golden files: what one version writes, the next must read.
#include "doctest/doctest.h"
#include "support/golden.hpp"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// Public keys only; nobody has the private ones any more.
constexpr std::string_view root_pem = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0aSGKW5Y1+86JlNT8sa1li1oLE9O
UFmQASkqMxrt+ZKbdNGP54S/r6KwnzDZyW1HPUji8108sda7SaFgiUaydg==
-----END PUBLIC KEY-----
)";
constexpr std::string_view publisher_pem = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzqelHGcVkjiinU+w7/kBS6X9CIKA
yeIu9tOqpRmr04OH+YUeNTd5ko8Xj1lxPlB3LIJTdOsnHG39wde1FyZEBA==
-----END PUBLIC KEY-----
)";

manifest::TrustRoot fixed_root() {
  manifest::TrustRoot root;
  root.fleet = FleetName::parse("fleet.example").value();
  root.expires = time_of("2036-01-01T00:00:00Z");
  root.keys = {crypto::PublicKey::from_pem(root_pem).value(), crypto::PublicKey::from_pem(publisher_pem).value()};
  root.root_keys = {root.keys[0].id()};
  root.publishers = {{{"*"}, {root.keys[1].id()}, 1}};
  return root;
}

}  // namespace

TEST_CASE("a release is written as the golden file and read back whole") {
  std::string text = encode(good_release());
  CHECK(text + "\n" == golden("manifest/release.json", text + "\n"));
  Result<manifest::Release> again = manifest::decode_release(text);
  REQUIRE_MESSAGE(again.ok(), (again.ok() ? "" : again.error().message));
  CHECK(*again == good_release());
  CHECK(again->total_size() == 5'294'967'936);
}

TEST_CASE("a release without a parent, labels or a known format is read back whole") {
  manifest::Release release = good_release();
  release.parent.reset();
  release.labels.clear();
  release.format = {"other", 0, 0, {}};
  Result<manifest::Release> again = manifest::decode_release(encode(release));
  REQUIRE(again.ok());
  CHECK(*again == release);
}

TEST_CASE("a release whose small files share pieces says so, and one without is written as before there was a choice") {
  manifest::Release release = good_release();
  CHECK(encode(release).find("packing") == std::string::npos);
  release.swarm.packing = 2;
  Result<manifest::Release> again = manifest::decode_release(encode(release));
  REQUIRE(again.ok());
  CHECK(*again == release);
}

TEST_CASE("a packing that this version does not read is refused with what to do, and one that goes without saying must not be said") {
  for (const std::uint64_t packing : std::initializer_list<std::uint64_t>{0, 1, 3, 4'294'967'298}) {
    CAPTURE(packing);
    const auto text = edited(good_release(), [&](OrderedJson& json) { json["swarm"]["packing"] = packing; });
    const auto refused = manifest::decode_release(text);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("packing " + std::to_string(packing)) != std::string::npos);
    CHECK(refused.error().message.find("upgrade") != std::string::npos);
  }
  manifest::Release release = good_release();
  release.swarm.packing = 3;
  CHECK_FALSE(check(release).ok());
}

TEST_CASE("a channel pointer is written as the golden file and read back whole") {
  std::string text = encode(good_pointer());
  CHECK(text + "\n" == golden("manifest/channel_pointer.json", text + "\n"));
  CHECK(manifest::decode_channel_pointer(text).value() == good_pointer());
}

TEST_CASE("a pointer that rolls back keeps from what and why") {
  manifest::ChannelPointer pointer = good_pointer();
  pointer.rollback_of = digest_of<ReleaseId>("bad release");
  pointer.reason = "answers in the wrong language";
  CHECK(manifest::decode_channel_pointer(encode(pointer)).value() == pointer);
}

TEST_CASE("a trust root is written as the golden file and read back whole") {
  std::string text = encode(fixed_root());
  CHECK(text + "\n" == golden("manifest/trust_root.json", text + "\n"));
  Result<manifest::TrustRoot> again = manifest::decode_trust_root(text);
  REQUIRE(again.ok());
  CHECK(encode(*again) == text);
  CHECK(again->publishers == fixed_root().publishers);
}

TEST_CASE("envelopes that an earlier build signed still verify") {
  auto read = [](const char* name, ByteCount limit) {
    return manifest::SignedEnvelope::decode(read_text(std::string(SHOAL_TEST_DATA "/manifest/") + name), limit).value();
  };
  Result<manifest::Verifier> verifier = manifest::Verifier::restore(read("signed_trust_root.json", manifest::trust_root_limit));
  REQUIRE(verifier.ok());
  CHECK(verifier->release(read("signed_release.json", manifest::release_limit), model()).ok());
}

TEST_CASE("white space around a document is harmless, since the bytes themselves are signed") {
  CHECK(manifest::decode_release(" " + encode(good_release()) + "\n").ok());
}

TEST_CASE("what a publisher may not sign is found before it is encoded") {
  CHECK(check(good_release()).ok());
  manifest::Release twins = good_release();
  twins.files.push_back({"zoo/a", 1, {}});
  twins.files.push_back({"zoo/a/b", 1, {}});
  CHECK_FALSE(check(twins).ok());
  manifest::Release nameless = good_release();
  nameless.model = {};
  CHECK_FALSE(check(nameless).ok());
  manifest::Release labelled = good_release();
  labelled.labels["x"] = "\xff";
  CHECK_FALSE(check(labelled).ok());
}

TEST_CASE("the rule that names a model most exactly is the one that counts") {
  crypto::PublicKey key = crypto::PrivateKey::generate().public_key();
  manifest::TrustRoot root;
  root.publishers = {{{"*"}, {key.id()}, 1}, {{"acme/*", "x/y"}, {key.id()}, 2}, {{"acme/vault"}, {key.id()}, 3}};
  CHECK(root.rule_for(model("acme/vault"))->threshold == 3);
  CHECK(root.rule_for(model("acme/tern"))->threshold == 2);
  CHECK(root.rule_for(model("x/y"))->threshold == 2);
  CHECK(root.rule_for(model("x/z"))->threshold == 1);
  CHECK(root.rule_for(model("acme2/tern"))->threshold == 1);
  root.publishers.erase(root.publishers.begin());
  CHECK(root.rule_for(model("acme2/tern")) == nullptr);
}
