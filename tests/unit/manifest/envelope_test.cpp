#include "manifest/envelope.hpp"

#include "base/encoding.hpp"
#include "doctest/doctest.h"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using manifest::SignedEnvelope;

namespace {

SignedEnvelope sample() { return manifest::sign("application/x", std::string("{\"a\":1}\0\xff", 9), {crypto::PrivateKey::generate()}); }

std::string with(const SignedEnvelope& envelope, const std::function<void(test::OrderedJson&)>& edit) {
  auto json = test::OrderedJson::parse(envelope.encode());
  edit(json);
  return json.dump();
}

void refused(const std::string& json, const char* says) {
  Result<SignedEnvelope> decoded = SignedEnvelope::decode(json, KiB);
  INFO(json.substr(0, 200));
  REQUIRE_FALSE(decoded.ok());
  INFO(decoded.error().message);
  CHECK(decoded.error().message.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("the pre-authentication encoding is the one of the DSSE specification") {
  CHECK(manifest::pre_authentication_encoding("http://example.com/HelloWorld", "hello world") ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  CHECK(manifest::pre_authentication_encoding("", "") == "DSSEv1 0  0 ");
}

TEST_CASE("an envelope survives its JSON form, on one line, whatever bytes it carries") {
  SignedEnvelope envelope = sample();
  std::string json = envelope.encode();
  CHECK(json.find('\n') == std::string::npos);
  Result<SignedEnvelope> again = SignedEnvelope::decode(json, KiB);
  REQUIRE(again.ok());
  CHECK(again->payload_type == envelope.payload_type);
  CHECK(again->payload == envelope.payload);
  REQUIRE(again->signatures.size() == 1);
  CHECK(again->signatures[0].key == envelope.signatures[0].key);
  CHECK(again->signatures[0].signature == envelope.signatures[0].signature);
}

TEST_CASE("a signature covers the type and the payload, and ends of them cannot be moved") {
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  SignedEnvelope envelope = manifest::sign("ab", "cd", {key});
  const std::string& signature = envelope.signatures.at(0).signature;
  CHECK(key.public_key().verifies(manifest::pre_authentication_encoding("ab", "cd"), signature));
  CHECK_FALSE(key.public_key().verifies(manifest::pre_authentication_encoding("abc", "d"), signature));
  CHECK_FALSE(key.public_key().verifies("cd", signature));
}

TEST_CASE("an envelope that is not exactly one is refused") {
  SignedEnvelope good = sample();
  std::string json = good.encode();
  refused("", "bad JSON");
  refused("[]", "not an object");
  refused(json + "x", "bad JSON");
  refused(json + json, "bad JSON");
  refused(json.substr(0, json.size() / 2), "bad JSON");
  refused(with(good, [](auto& j) { j["more"] = 1; }), "unknown member 'more'");
  refused(with(good, [](auto& j) { j.erase("payloadType"); }), "payloadType is missing");
  refused(with(good, [](auto& j) { j["payload"] = 7; }), "payload is not a string");
  refused(with(good, [](auto& j) { j["payload"] = "aGk"; }), "padding");
  refused(with(good, [](auto& j) { j["payload"] = "a-_="; }), "base64");
  refused(with(good, [](auto& j) { j["payload"] = "aGl="; }), "base64");
  refused(with(good, [](auto& j) { j["payloadType"] = std::string(200, 't'); }), "payloadType is too long");
  refused(with(good, [](auto& j) { j["signatures"] = test::OrderedJson::array(); }), "0 signatures");
  refused(with(good, [](auto& j) { j["signatures"] = "none"; }), "not an array");
  refused(with(good, [](auto& j) { j["signatures"][0].erase("keyid"); }), "keyid is missing");
  refused(with(good, [](auto& j) { j["signatures"][0]["keyid"] = "abcd"; }), "keyid");
  refused(with(good, [](auto& j) { j["signatures"][0]["keyid"] = std::string(64, 'A'); }), "lower-case");
  refused(with(good, [](auto& j) { j["signatures"][0]["sig"] = ""; }), "0 bytes");
  refused(with(good, [](auto& j) { j["signatures"][0]["sig"] = to_base64(std::string(100, 's')); }), "100 bytes");
  refused(with(good, [](auto& j) { j["signatures"][0]["cert"] = "x"; }), "unknown member 'cert'");
  refused("{\"payload\":\"\",\"payload\":\"\",\"payloadType\":\"\",\"signatures\":[]}", "duplicate key");
}

TEST_CASE("an envelope is refused for its size or the number of its parts before it is parsed") {
  refused(std::string(70 * KiB, ' '), "larger than the limit");
  refused(manifest::sign("t", std::string(KiB + 1, 'x'), {crypto::PrivateKey::generate()}).encode(), "payload is larger");
  std::string many = "[0";
  for (int i = 0; i < 5000; ++i) many += ",0";
  refused(many + "]", "too many members");
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  refused(manifest::sign("t", "x", std::vector<crypto::PrivateKey>(65, key)).encode(), "65 signatures");
  CHECK(SignedEnvelope::decode(manifest::sign("t", "x", std::vector<crypto::PrivateKey>(64, key)).encode(), KiB).ok());
}
