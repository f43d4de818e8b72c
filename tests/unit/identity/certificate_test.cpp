#include "identity/certificate.hpp"

#include <openssl/pem.h>

#include "crypto/digest.hpp"
#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::identity;
using namespace shoal::test;

TEST_CASE("an identity survives the way through its URI") {
  for (Role role : {Role::tracker, Role::seeder, Role::node, Role::publisher, Role::admin}) {
    Identity identity{FleetName::trusted("gpu.example"), role, node_id(42)};
    CHECK(identity.uri() == "spiffe://gpu.example/" + std::string(name(role)) + "/aaaaaaaaaabk");
    CHECK(must(parse_identity(identity.uri())) == identity);
    CHECK(must(parse_role(name(role))) == role);
  }
}

TEST_CASE("a URI that is not exactly spiffe://fleet/role/id is refused") {
  for (const char* uri : {"",
                          "spiffe://",
                          "spiffe://f",
                          "spiffe://f/node",
                          "spiffe://f/node/",
                          "spiffe:///node/aaaaaaaaaaaa",
                          "spiffe://f//aaaaaaaaaaaa",
                          "spiffe://f/Node/aaaaaaaaaaaa",
                          "spiffe://f/node/aaaaaaaaaaaa/",
                          "spiffe://f/node/aaaaaaaaaaaa#x",
                          "spiffe://f/node/aaaaaaaaaaaa?x",
                          "spiffe://f/node/AAAAAAAAAAAA",
                          "spiffe://f/node/aaaaaaaaaaa1",
                          "spiffe://f/node/aaaaaaaaaaaaa",
                          "spiffe://F/node/aaaaaaaaaaaa",
                          "spiffe://f:1/node/aaaaaaaaaaaa",
                          "spiffe://u@f/node/aaaaaaaaaaaa",
                          "Spiffe://f/node/aaaaaaaaaaaa",
                          "spiffe:/f/node/aaaaaaaaaaaa",
                          " spiffe://f/node/aaaaaaaaaaaa",
                          "spiffe://f/node/aaaaaaaaaaaa ",
                          "spiffe://f/%6eode/aaaaaaaaaaaa",
                          "spiffe://f/../node/aaaaaaaaaaaa"}) {
    CAPTURE(uri);
    auto parsed = parse_identity(uri);
    REQUIRE(!parsed.ok());
    CHECK(parsed.error().code == ErrorCode::not_enrolled);
  }
}

TEST_CASE("a good certificate says who, in which role and until when") {
  TestFleet fleet("gpu.example");
  Credentials made = fleet.credentials(Role::seeder, node_id(5), std::chrono::hours(2));
  Certificate seen = must(inspect_pem(made.certificate_pem));
  CHECK(seen.identity == Identity{fleet.name(), Role::seeder, node_id(5)});
  CHECK(seen.not_before == fleet.now() - std::chrono::minutes(10));
  CHECK(seen.not_after == fleet.now() + std::chrono::hours(2));
  CHECK(seen.serial.size() >= 24);
  auto handle = must(certificate_from_pem(made.certificate_pem));
  unsigned char digest[32];
  REQUIRE(X509_digest(handle.get(), EVP_sha256(), digest, nullptr) == 1);
  CHECK(seen.fingerprint.view() == std::string_view(reinterpret_cast<char*>(digest), 32));
}

TEST_CASE("the profile refuses every certificate that is malformed in itself") {
  TestFleet fleet;
  for (const auto& [flaw, what] : all_flaws()) {
    // These are well-formed; signature, chain, fleet and time are not the profile's business.
    if (flaw == Flaw::other_ca || flaw == Flaw::other_fleet_name || flaw == Flaw::expired || flaw == Flaw::not_yet_valid ||
        flaw == Flaw::self_signed || flaw == Flaw::signed_by_leaf || flaw == Flaw::signed_by_intermediate || flaw == Flaw::tampered ||
        flaw == Flaw::unknown_critical_extension)
      continue;
    CAPTURE(what);
    auto seen = inspect_pem(fleet.broken(flaw).certificate_pem);
    REQUIRE(!seen.ok());
    CHECK(seen.error().code == ErrorCode::not_enrolled);
    CHECK(seen.error().message.find('\0') == std::string::npos);
  }
  CHECK(inspect_pem(fleet.broken(Flaw::none).certificate_pem).ok());
}

TEST_CASE("a certificate is checked against the fleet and the clock that the caller gives") {
  TestFleet fleet;
  Credentials made = fleet.credentials(Role::node, node_id(1), std::chrono::hours(1));
  auto handle = must(certificate_from_pem(made.certificate_pem));
  auto at = [&](std::chrono::seconds offset) { return inspect(handle.get(), fleet.name(), fleet.now() + offset); };
  CHECK(at(std::chrono::seconds(0)).ok());
  CHECK(at(std::chrono::hours(1)).ok());
  CHECK(at(-std::chrono::minutes(10)).ok());
  auto late = at(std::chrono::hours(1) + std::chrono::seconds(1));
  REQUIRE(!late.ok());
  CHECK(late.error().code == ErrorCode::not_enrolled);
  CHECK(late.error().message.find("expired at") != std::string::npos);
  CHECK(!at(-std::chrono::minutes(10) - std::chrono::seconds(1)).ok());
  CHECK(!inspect(handle.get(), FleetName::trusted("other"), fleet.now()).ok());
  CHECK(!inspect(nullptr).ok());
}

TEST_CASE("a tracker may have host names, and they must be plain") {
  TestFleet fleet;
  CHECK(must(inspect_pem(fleet.tracker().certificate_pem)).identity.role == Role::tracker);
  Recipe recipe = fleet.recipe();
  recipe.uris = {fleet.identity(Role::tracker, node_id(1)).uri()};
  recipe.dns = {"tracker.example"};
  CHECK(inspect_pem(fleet.made(recipe).certificate_pem).ok());
  for (std::string host : {"", "tracker example", "tracker/example",
                           "tr\xc3\xa4"
                           "cker.example",
                           "a\nb"}) {
    CAPTURE(host);
    recipe.dns = {host};
    CHECK(!inspect_pem(fleet.made(recipe).certificate_pem).ok());
  }
}

TEST_CASE("text that is no certificate is refused") {
  CHECK(!inspect_pem("").ok());
  CHECK(!inspect_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").ok());
  CHECK(!inspect_pem(std::string(100000, 'A')).ok());
}

TEST_CASE("the pin is the digest of the key, whatever certificate it is in") {
  TestFleet fleet, other;
  CHECK(must(spki_pin_of_pem(fleet.authority().certificate_pem())) == fleet.authority().pin());
  CHECK(fleet.authority().pin() != other.authority().pin());
  auto handle = must(certificate_from_pem(fleet.authority().certificate_pem()));
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(X509_get0_pubkey(handle.get()), &der);
  REQUIRE(size > 0);
  CHECK(crypto::sha256({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)}).view() == fleet.authority().pin().view());
  OPENSSL_free(der);
}

TEST_CASE("a request has a fresh P-256 key, its proof and no name") {
  KeyAndRequest one = make_request(), two = make_request();
  CHECK(one.key_pem != two.key_pem);
  auto request = must(request_from_pem(one.request_pem));
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  CHECK(is_p256(key));
  CHECK(X509_REQ_verify(request.get(), key) == 1);
  CHECK(X509_NAME_entry_count(X509_REQ_get_subject_name(request.get())) == 0);
  CHECK(X509_REQ_get_attr_count(request.get()) <= 0);
}

TEST_CASE("an encrypted key is refused without asking for its passphrase") {
  auto key = generate_p256();
  BioHandle bio(BIO_new(BIO_s_mem()));
  char pass[] = "secret";
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_128_cbc(), pass, 6, nullptr, nullptr) == 1);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  CHECK(!key_from_pem({data, static_cast<std::size_t>(size)}).ok());
}
