#include "identity/token.hpp"

#include "crypto/digest.hpp"
#include "doctest/doctest.h"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::identity;
using shoal::test::must;

namespace {

JoinToken sample() {
  JoinToken token;
  token.tracker = {"tracker.example", 7000};
  token.ca_pin = must(SpkiPin::from_raw(std::string(32, '\x01')));
  token.trust_root = must(Sha256::from_raw(std::string(32, '\xfe')));
  token.id = std::string("\0\1\2\3\4\5\6\7\x08\x09", 10);
  token.secret = std::string(32, '\x7f');
  return token;
}

}  // namespace

TEST_CASE("a join token survives being written and read") {
  for (HostPort tracker : {HostPort{"tracker.example", 7000}, HostPort{"127.0.0.1", 1}, HostPort{"::1", 65535}}) {
    JoinToken token = sample();
    token.tracker = tracker;
    JoinToken again = must(JoinToken::decode(token.encode()));
    CHECK(again.tracker == tracker);
    CHECK(again.ca_pin == token.ca_pin);
    CHECK(again.trust_root == token.trust_root);
    CHECK(again.id == token.id);
    CHECK(again.secret == token.secret);
  }
}

TEST_CASE("the text of a join token does not change between versions") {
  CHECK(sample().encode() ==
        "shoal1.dHJhY2tlci5leGFtcGxlOjcwMDA.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE."
        "_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v4.AAECAwQFBgcICQ.f39_f39_f39_f39_f39_f39_f39_f39_f39_f39_f38.aX2F5w");
}

TEST_CASE("one character changed anywhere in a join token is noticed") {
  const std::string good = sample().encode();
  for (std::size_t i = 0; i < good.size(); ++i)
    for (char other : {'A', 'z', '.', '-', '\xff'}) {
      if (good[i] == other) continue;
      std::string bad = good;
      bad[i] = other;
      CAPTURE(bad);
      auto decoded = JoinToken::decode(bad);
      REQUIRE(!decoded.ok());
      CHECK(decoded.error().code == ErrorCode::usage);
      CHECK(decoded.error().message.find("mangled") != std::string::npos);
    }
}

TEST_CASE("a join token that was cut short is noticed") {
  const std::string good = sample().encode();
  for (std::size_t size = 0; size < good.size(); ++size) CHECK(!JoinToken::decode(good.substr(0, size)).ok());
  CHECK(!JoinToken::decode(good.substr(1)).ok());
  CHECK(!JoinToken::decode(good + "A").ok());
  CHECK(!JoinToken::decode(good + good).ok());
  CHECK(!JoinToken::decode(std::string(100000, 'A')).ok());
}

TEST_CASE("white space around a join token is forgiven, within it is not") {
  const std::string good = sample().encode();
  CHECK(JoinToken::decode("  " + good + "\r\n").ok());
  std::string wrapped = good;
  wrapped.insert(80, "\n");
  CHECK(!JoinToken::decode(wrapped).ok());
}

TEST_CASE("a join token with a right checksum over wrong fields is refused") {
  auto with_checksum = [](const std::string& body) { return body + "." + to_base64url(crypto::sha256(body).view().substr(0, 4)); };
  CHECK(!JoinToken::decode(with_checksum("shoal1.")).ok());
  CHECK(!JoinToken::decode(with_checksum("shoal1.AAAA.AAAA.AAAA.AAAA.AAAA")).ok());
  CHECK(!JoinToken::decode(with_checksum("shoal1.!")).ok());
  JoinToken token = sample();
  token.secret.pop_back();
  CHECK(!JoinToken::decode(token.encode()).ok());
  token = sample();
  token.tracker.host = "";
  CHECK(!JoinToken::decode(token.encode()).ok());
}

TEST_CASE("an error about a join token does not repeat its secret") {
  std::string bad = sample().encode();
  bad.back() = bad.back() == 'A' ? 'B' : 'A';
  CHECK(JoinToken::decode(bad).error().message.find(to_base64url(sample().secret).substr(0, 16)) == std::string::npos);
}

TEST_CASE("the tracker keeps the SHA-256 of a secret") {
  CHECK(hash_of_secret("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
