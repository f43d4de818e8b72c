#include "manifest/model_signing.hpp"

#include <doctest/doctest.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "manifest/envelope.hpp"
#include "samples.hpp"

using namespace shoal;
using namespace shoal::manifest;

namespace {

Release signed_release(const crypto::PrivateKey& key) {
  Release release = test::good_release();
  release.model_signature = sign_model(release, key).value();
  return release;
}

Json statement_of(const Release& release) { return Json::parse(model_statement(release).value()); }

}  // namespace

// github.com/ossf/model-signing-spec, test-vectors/v1.0/valid/key.bundle.json
TEST_CASE("the root digest is that of the specification's test vector") {
  auto a = Sha256::from_hex("bc9a717db6064a32cbe9eae6fc40651dd6d36ef1757183f590eff2b1765d7ebc").value();
  auto b = Sha256::from_hex("32dcb1f8e1ae52d5963e56a6ba06ab58b424c15ed2a6b70d2feca1d089370028").value();
  CHECK(model_root_digest({a, b}).hex() == "92745110b1ab4368471cbe31664e10174e954b113a3df333db860317b2c6dec4");
}

TEST_CASE("the statement lists the files in order, and nothing that the specification does not know") {
  const Release release = test::good_release();
  Json json = statement_of(release);
  CHECK(json["_type"] == "https://in-toto.io/Statement/v1");
  CHECK(json["predicateType"] == "https://model_signing/signature/v1.0");
  CHECK(json.size() == 4);
  REQUIRE(json["subject"].size() == 1);
  CHECK(json["subject"][0]["name"] == "acme/tern");
  CHECK(json["subject"][0]["digest"]["sha256"] ==
        model_root_digest({release.files[0].sha256, release.files[1].sha256, release.files[2].sha256, release.files[3].sha256}).hex());
  REQUIRE(json["predicate"]["resources"].size() == 4);
  CHECK(json["predicate"]["resources"][0] ==
        Json{{"name", "config.json"}, {"digest", release.files[0].sha256.hex()}, {"algorithm", "sha256"}});
  CHECK(json["predicate"]["serialization"] == Json{{"method", "files"},
                                                   {"hash_type", "sha256"},
                                                   {"allow_symlinks", false},
                                                   {"ignore_paths", {"model.sig", ".git", ".gitattributes", ".github", ".gitignore"}}});
}

TEST_CASE("files of version control at the root are not signed, and those deeper are") {
  Release release = test::good_release();
  release.files = {
      {".gitattributes", 1, crypto::sha256("a")}, {".github/x", 1, crypto::sha256("b")}, {"deep/.gitignore", 1, crypto::sha256("c")}};
  Json json = statement_of(release);
  REQUIRE(json["predicate"]["resources"].size() == 1);
  CHECK(json["predicate"]["resources"][0]["name"] == "deep/.gitignore");
  release.files.pop_back();
  CHECK(model_statement(release).error().code == ErrorCode::usage);
}

TEST_CASE("the bundle is rebuilt from the release, byte for byte") {
  auto key = crypto::PrivateKey::generate();
  const Release release = signed_release(key);
  auto decoded = decode_release(encode(release));
  REQUIRE(decoded.ok());
  CHECK(*decoded == release);
  auto bundle = model_signature_bundle(*decoded);
  REQUIRE(bundle.ok());
  CHECK(crypto::sha256(*bundle) == release.model_signature->sha256);
  CHECK(*bundle == *model_signature_bundle(release));
}

TEST_CASE("the bundle's signature is over the pre-authentication encoding of its payload, and its hint names the key's PEM form") {
  auto key = crypto::PrivateKey::generate();
  Json bundle = Json::parse(model_signature_bundle(signed_release(key)).value());
  CHECK(bundle.size() == 3);
  CHECK(bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json");
  CHECK(bundle["verificationMaterial"]["publicKey"]["hint"] == crypto::sha256(key.public_key().pem()).hex());
  CHECK(bundle["verificationMaterial"]["tlogEntries"] == Json::array());
  const Json& envelope = bundle["dsseEnvelope"];
  const std::string payload = from_base64(envelope["payload"].get<std::string>()).value();
  const std::string message = "DSSEv1 28 application/vnd.in-toto+json " + std::to_string(payload.size()) + " " + payload;
  REQUIRE(envelope["signatures"].size() == 1);
  CHECK(envelope["signatures"][0]["keyid"] == "");
  CHECK(key.public_key().verifies(message, from_base64(envelope["signatures"][0]["sig"].get<std::string>()).value()));
}

TEST_CASE("a signature is verified with its own key and for its own files alone") {
  auto key = crypto::PrivateKey::generate();
  Release release = signed_release(key);
  CHECK(verifies_model_signature(release, key.public_key()));
  CHECK_FALSE(verifies_model_signature(release, crypto::PrivateKey::generate().public_key()));
  release.files[1].sha256.bytes[5] ^= 1;
  CHECK_FALSE(verifies_model_signature(release, key.public_key()));
  CHECK(model_signature_bundle(release).error().code == ErrorCode::verification);
}

TEST_CASE("a release that says nothing of signature and code has the payload that it had before there were any") {
  const Release release = test::good_release();
  CHECK(encode(release).find("allows_code") == std::string::npos);
  CHECK(encode(release).find("model_signature") == std::string::npos);
  CHECK(model_signature_bundle(release).error().code == ErrorCode::not_found);
}

TEST_CASE("consent to formats that execute code is read back, and false is as good as absent") {
  Release release = test::good_release();
  release.allows_code = true;
  CHECK(decode_release(encode(release))->allows_code);
  CHECK_FALSE(decode_release(test::edited(release, [](auto& json) { json["allows_code"] = false; }))->allows_code);
  CHECK_FALSE(decode_release(test::edited(release, [](auto& json) { json["allows_code"] = 1; })).ok());
}

TEST_CASE("a release with a model.sig of its own carries none of ours") {
  auto key = crypto::PrivateKey::generate();
  Release release = signed_release(key);
  release.files.insert(release.files.begin() + 3, {"model.sig", 10, crypto::sha256("own")});
  CHECK(has_own_model_signature(release));
  CHECK_FALSE(check(release).ok());
  release.model_signature.reset();
  CHECK(check(release).ok());
  release.files[3].path = "model-sig";
  CHECK_FALSE(has_own_model_signature(release));
}

TEST_CASE("a model signature that is no signature is refused") {
  auto key = crypto::PrivateKey::generate();
  const Release release = signed_release(key);
  for (const char* text : {"", "====", "not base64!"})
    CHECK_FALSE(decode_release(test::edited(release, [&](auto& json) { json["model_signature"]["signature"] = text; })).ok());
  CHECK_FALSE(decode_release(test::edited(release, [&](auto& json) {
                json["model_signature"]["signature"] = to_base64(std::string(100, 'x'));
              })).ok());
  CHECK_FALSE(decode_release(test::edited(release, [](auto& json) { json["model_signature"]["more"] = 1; })).ok());
  CHECK_FALSE(decode_release(test::edited(release, [](auto& json) { json["model_signature"].erase("hint"); })).ok());
}
