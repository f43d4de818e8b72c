#include "identity/authority.hpp"

#include <set>

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::identity;
using namespace shoal::test;

namespace {

RequestHandle request_for(EVP_PKEY* key, EVP_PKEY* signer) {
  RequestHandle request(X509_REQ_new());
  must(X509_REQ_set_pubkey(request.get(), key) == 1 && X509_REQ_sign(request.get(), signer, EVP_sha256()) != 0, "request");
  return request;
}

/// A request that asks to be an admin, a CA and a host.
std::string greedy_request(EVP_PKEY* key) {
  RequestHandle request(X509_REQ_new());
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("admin"), -1, -1, 0);
  STACK_OF(X509_EXTENSION)* wishes = sk_X509_EXTENSION_new_null();
  for (auto [nid, value] : {std::pair{NID_subject_alt_name, "URI:spiffe://test-fleet/admin/aaaaaaaaaaaa,DNS:evil.example"},
                            {NID_basic_constraints, "critical,CA:TRUE"}})
    sk_X509_EXTENSION_push(wishes, X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  must(X509_REQ_add_extensions(request.get(), wishes) == 1, "extensions");
  sk_X509_EXTENSION_pop_free(wishes, X509_EXTENSION_free);
  must(X509_REQ_set_pubkey(request.get(), key) == 1 && X509_REQ_sign(request.get(), key, EVP_sha256()) != 0, "request");
  return to_pem(request.get());
}

Authority::Grant node_grant(const TestFleet& fleet) {
  return {fleet.identity(Role::node, node_id(4)), fleet.now(), std::chrono::hours(1), {}};
}

std::string subject_of(const std::string& pem) {
  auto certificate = must(certificate_from_pem(pem));
  char text[128] = {};
  X509_NAME_oneline(X509_get_subject_name(certificate.get()), text, sizeof text);
  return text;
}

}  // namespace

TEST_CASE("a CA can be loaded again from what it saved") {
  TestFleet fleet("gpu.example");
  auto again = must(Authority::load(fleet.authority().key_pem(), fleet.authority().certificate_pem()));
  CHECK(again.fleet() == FleetName::trusted("gpu.example"));
  CHECK(again.pin() == fleet.authority().pin());
  std::string leaf = must(again.issue(make_request().request_pem, node_grant(fleet)));
  CHECK(must(inspect_pem(leaf)).identity == node_grant(fleet).identity);
}

TEST_CASE("a fleet may have the longest name there is") {
  TestFleet fleet(std::string(63, 'f'));
  CHECK(fleet.authority().fleet().str().size() == 63);
  CHECK(fleet.node().self.identity.fleet == fleet.name());
}

TEST_CASE("a CA is not loaded from a key and a certificate that do not belong together") {
  TestFleet fleet, other;
  CHECK(!Authority::load(other.authority().key_pem(), fleet.authority().certificate_pem()).ok());
  CHECK(!Authority::load("", fleet.authority().certificate_pem()).ok());
  CHECK(!Authority::load(fleet.authority().key_pem(), "").ok());
  Credentials node = fleet.node();
  CHECK(!Authority::load(node.key_pem, node.certificate_pem).ok());
}

TEST_CASE("the names in a certificate request are ignored") {
  TestFleet fleet;
  auto key = generate_p256();
  std::string leaf = must(fleet.authority().issue(greedy_request(key.get()), node_grant(fleet)));
  CHECK(must(inspect_pem(leaf)).identity == node_grant(fleet).identity);
  CHECK(subject_of(leaf) == "/CN=" + node_id(4).str());
  CHECK(make_credentials(to_pem(key.get()), leaf, fleet.authority().certificate_pem()).ok());
}

TEST_CASE("a certificate request that its own key did not sign is refused") {
  TestFleet fleet;
  auto victim = generate_p256(), thief = generate_p256();
  auto issued = fleet.authority().issue(to_pem(request_for(victim.get(), thief.get()).get()), node_grant(fleet));
  REQUIRE(!issued.ok());
  CHECK(issued.error().code == ErrorCode::usage);
}

TEST_CASE("a certificate request with a key other than P-256 is refused") {
  TestFleet fleet;
  for (int type : {NID_rsaEncryption, NID_secp384r1, NID_secp256k1}) {
    auto key = test::detail::make_key(type);
    auto issued = fleet.authority().issue(to_pem(request_for(key.get(), key.get()).get()), node_grant(fleet));
    REQUIRE(!issued.ok());
    CHECK(issued.error().message.find("P-256") != std::string::npos);
  }
}

TEST_CASE("text that is no certificate request is refused") {
  TestFleet fleet;
  for (const std::string& text : {std::string(), std::string("hello"), fleet.authority().certificate_pem(), std::string(1 << 20, 'A')}) {
    auto issued = fleet.authority().issue(text, node_grant(fleet));
    REQUIRE(!issued.ok());
    CHECK(issued.error().code == ErrorCode::usage);
  }
}

TEST_CASE("grants that make no sense are refused") {
  TestFleet fleet;
  std::string request = make_request().request_pem;
  auto refused = [&](auto change) {
    Authority::Grant grant = node_grant(fleet);
    change(grant);
    return !fleet.authority().issue(request, grant).ok();
  };
  CHECK(refused([](auto& grant) { grant.identity.fleet = FleetName::trusted("other"); }));
  CHECK(refused([](auto& grant) { grant.identity.id = NodeId::trusted("x/../admin/y"); }));
  CHECK(refused([](auto& grant) { grant.life = std::chrono::seconds(0); }));
  CHECK(refused([](auto& grant) { grant.life = std::chrono::hours(24 * 4000); }));
  CHECK(refused([](auto& grant) { grant.hosts = {"node.example"}; }));
  CHECK(refused([](auto& grant) {
    grant.identity.role = Role::tracker;
    grant.hosts = {"a b"};
  }));
  CHECK(!refused([](auto&) {}));
}

TEST_CASE("a tracker's certificate carries its hosts for stock clients") {
  TestFleet fleet;
  std::vector<std::string> hosts = {"tracker.example", "192.0.2.7", "2001:db8::1"};
  Credentials tracker = fleet.credentials(Role::tracker, node_id(0), std::chrono::hours(1), hosts);
  auto certificate = must(certificate_from_pem(tracker.certificate_pem));
  CHECK(X509_check_host(certificate.get(), "tracker.example", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(certificate.get(), "other.example", 0, 0, nullptr) == 0);
  CHECK(X509_check_ip_asc(certificate.get(), "192.0.2.7", 0) == 1);
  CHECK(X509_check_ip_asc(certificate.get(), "2001:db8::1", 0) == 1);
  CHECK(X509_check_ip_asc(certificate.get(), "192.0.2.8", 0) == 0);
}

TEST_CASE("serial numbers are random") {
  TestFleet fleet;
  std::set<std::string> serials;
  for (unsigned i = 0; i < 20; ++i) serials.insert(fleet.node(i).self.serial);
  CHECK(serials.size() == 20);
}

TEST_CASE("a short-lived certificate is not due for renewal from the start") {
  TestFleet fleet;
  Certificate brief = fleet.credentials(Role::node, node_id(1), std::chrono::seconds(60)).self;
  CHECK(brief.not_before == fleet.now() - std::chrono::seconds(30));
  CHECK(brief.not_after == fleet.now() + std::chrono::seconds(60));
}
