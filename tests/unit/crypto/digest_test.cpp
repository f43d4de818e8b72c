#include "crypto/digest.hpp"

#include "doctest/doctest.h"

using namespace shoal;

TEST_CASE("digests agree with the examples of FIPS 180-4") {
  CHECK(crypto::sha256("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(crypto::sha256("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(crypto::sha1("abc").hex() == "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST_CASE("a digest in parts equals the digest of the whole, and the hasher starts afresh") {
  crypto::Sha256Hasher sha256;
  crypto::Sha1Hasher sha1;
  for (int round = 0; round < 2; ++round) {
    for (std::string_view part : {"a", "", "bc"}) {
      sha256.update(part);
      sha1.update(part);
    }
    CHECK(sha256.finish() == crypto::sha256("abc"));
    CHECK(sha1.finish() == crypto::sha1("abc"));
  }
}

TEST_CASE("a hasher that was moved carries what it has seen") {
  crypto::Sha256Hasher first;
  first.update("ab");
  crypto::Sha256Hasher second = std::move(first);
  second.update("c");
  CHECK(second.finish() == crypto::sha256("abc"));
}

TEST_CASE("random bytes have the length that was asked for and do not repeat") {
  CHECK(crypto::random_bytes(0).empty());
  CHECK(crypto::random_bytes(32).size() == 32);
  CHECK(crypto::random_bytes(32) != crypto::random_bytes(32));
}

TEST_CASE("the constant-time comparison tells equal from different") {
  CHECK(crypto::equal_in_constant_time("secret", "secret"));
  CHECK(crypto::equal_in_constant_time("", ""));
  CHECK_FALSE(crypto::equal_in_constant_time("secret", "secreT"));
  CHECK_FALSE(crypto::equal_in_constant_time("secret", "secret2"));
}
