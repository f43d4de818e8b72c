#include "crypto/signing_key.hpp"

#include "crypto/digest.hpp"
#include "doctest/doctest.h"

using namespace shoal;
using crypto::PrivateKey;
using crypto::PublicKey;

namespace {

// Keys of the kinds that are refused, made with `openssl genpkey` and `openssl pkey -pubout`.
constexpr std::string_view p384_public = R"(-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEBUJgKf3aexMxYbVcBBk5Z1zHsAGca/6G
rnTKcH1SpQumNg0E8LQgQP+wHgm90Bk3plj+7IOYTP9coG/dE7svjTG7ZdWYaO90
crHfEN3Cc+apf0wKxFiLoISrxrlSipHs
-----END PUBLIC KEY-----
)";
constexpr std::string_view ed25519_public = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAAQ3v5IgrsGFD0dxbnfmvt/OapuGt2bpMT5psd70kUTM=
-----END PUBLIC KEY-----
)";
constexpr std::string_view encrypted_private = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhWfo8eAqvB3wICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEHGvMmlq9d9wW6nv1DDY5QIEgZAc
EshwFoPxIlz+FiyrJ7v6IMdROOJLOh8BTgzI4MLZ+6vNkk5EnknL+lwGeJJGCqFd
0fY83gqoXLp13lnq610V/csHwQPl0ScSvnO4fdeTdFlb5mZZw/inhYR3aX7eCrqJ
suBnF9KoW2Ym9X5y8UIrlWICQLHYP37HIOg53h+xgUDDxainONq+x9klWFFvEro=
-----END ENCRYPTED PRIVATE KEY-----
)";
// One P-256 key with its point in both encodings.
constexpr std::string_view p256_uncompressed = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJpR4JPpuvRqWZ4cQGaU47dmYPc1A
LUARuAj+nNZZDW07YsWgQlcUVMCLrEGo/gzkDt9EH8A/0d9CeexVRYYXZA==
-----END PUBLIC KEY-----
)";
constexpr std::string_view p256_compressed = R"(-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACJpR4JPpuvRqWZ4cQGaU47dmYPc1A
LUARuAj+nNZZDW0=
-----END PUBLIC KEY-----
)";

}  // namespace

TEST_CASE("a signature verifies with the key that made it and with no other") {
  PrivateKey key = PrivateKey::generate();
  std::string signature = key.sign("message");
  CHECK(key.public_key().verifies("message", signature));
  CHECK_FALSE(key.public_key().verifies("Message", signature));
  CHECK_FALSE(PrivateKey::generate().public_key().verifies("message", signature));
}

TEST_CASE("a signature with any bit flipped, cut or lengthened does not verify") {
  PrivateKey key = PrivateKey::generate();
  std::string good = key.sign("message");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    CHECK_FALSE(key.public_key().verifies("message", bad));
    CHECK_FALSE(key.public_key().verifies("message", good.substr(0, i)));
  }
  CHECK_FALSE(key.public_key().verifies("message", good + std::string(1, '\0')));
}

TEST_CASE("keys survive PEM and DER, and keep their id") {
  PrivateKey key = PrivateKey::generate();
  Result<PrivateKey> again = PrivateKey::from_pem(key.pem());
  REQUIRE(again.ok());
  CHECK(again->public_key().id() == key.public_key().id());

  Result<PublicKey> from_pem = PublicKey::from_pem(key.public_key().pem());
  Result<PublicKey> from_der = PublicKey::from_der(key.public_key().der());
  REQUIRE(from_pem.ok());
  REQUIRE(from_der.ok());
  CHECK(from_pem->id() == key.public_key().id());
  CHECK(from_der->id() == key.public_key().id());
  CHECK(from_pem->verifies("m", again->sign("m")));
}

TEST_CASE("a key id is the SHA-256 of the SubjectPublicKeyInfo") {
  PublicKey key = PrivateKey::generate().public_key();
  CHECK(key.id().bytes == crypto::sha256(key.der()).bytes);
}

TEST_CASE("one key has one id, however its point is written") {
  Result<PublicKey> uncompressed = PublicKey::from_pem(p256_uncompressed);
  Result<PublicKey> compressed = PublicKey::from_pem(p256_compressed);
  REQUIRE(uncompressed.ok());
  REQUIRE(compressed.ok());
  CHECK(compressed->id() == uncompressed->id());
  CHECK(compressed->der() == uncompressed->der());
}

TEST_CASE("only P-256 keys are accepted") {
  CHECK_FALSE(PublicKey::from_pem(p384_public).ok());
  CHECK_FALSE(PublicKey::from_pem(ed25519_public).ok());
}

TEST_CASE("what is not a key is refused") {
  std::string private_pem = PrivateKey::generate().pem();
  std::string public_pem = PrivateKey::generate().public_key().pem();
  CHECK_FALSE(PublicKey::from_pem("").ok());
  CHECK_FALSE(PublicKey::from_pem(private_pem).ok());
  CHECK_FALSE(PublicKey::from_pem(public_pem.substr(0, 80)).ok());
  CHECK_FALSE(PublicKey::from_pem(std::string(1 << 20, 'A')).ok());
  CHECK_FALSE(PrivateKey::from_pem("").ok());
  CHECK_FALSE(PrivateKey::from_pem(public_pem).ok());
  CHECK_FALSE(PublicKey::from_der("").ok());
  CHECK_FALSE(PublicKey::from_der(PrivateKey::generate().public_key().der() + "x").ok());
}

TEST_CASE("a private key with a passphrase is refused without asking for it") { CHECK_FALSE(PrivateKey::from_pem(encrypted_private).ok()); }
