#include "crypto/digest.hpp"
#include "crypto/sha256_chain.hpp"

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

TEST_CASE("SHA-256 can be left after each block and taken up again") {
  const std::string bytes = crypto::random_bytes(4096 + 13);
  const Sha256 whole = crypto::sha256(bytes);
  for (std::size_t left = 0; left <= 4096; left += 64) {
    CAPTURE(left);
    crypto::Sha256Chain first;
    first.update(std::string_view(bytes).substr(0, left));
    crypto::Sha256Chain second(first.state(), left);
    second.update(std::string_view(bytes).substr(left));
    CHECK(second.finish() == whole);
  }
}

TEST_CASE("SHA-256 counts more than 2^32 bits before it was taken up") {
  // FIPS 180-4: the length in bits is a part of what is hashed. Two lengths that agree in the low 32 bits have different digests.
  const crypto::Sha256State state{};
  CHECK(crypto::Sha256Chain(state, 64).finish() != crypto::Sha256Chain(state, 64 + (ByteCount{1} << 29)).finish());
}

TEST_CASE("SHA-256 is neither left nor taken up within a block") {
  crypto::Sha256Chain chain;
  chain.update("abc");
  CHECK_THROWS_AS((void)chain.state(), std::logic_error);
  CHECK_THROWS_AS(crypto::Sha256Chain(crypto::Sha256State{}, 63), std::logic_error);
}
