// A fleet for tests: a CA, credentials for anyone, and certificates that are broken on purpose, with TLS contexts and
// handshakes to try them. Link shoal_authority.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "identity/authority.hpp"
#include "support/broken_certificates.hpp"
#include "support/hostile_tls.hpp"
#include "support/must.hpp"

namespace shoal::test {

/// The node id with this number: "aaaaaaaaaaaa" for 0, "aaaaaaaaaaab" for 1.
inline NodeId node_id(unsigned number) {
  std::string text(12, 'a');
  for (std::size_t i = text.size(); number > 0 && i-- > 0; number /= 32) text[i] = "abcdefghijklmnopqrstuvwxyz234567"[number % 32];
  return NodeId::trusted(text);
}

/// Good credentials in the hands of someone who keeps no rules.
inline Presented as_presented(const identity::Credentials& credentials) { return {credentials.key_pem, credentials.certificate_pem, {}}; }

class TestFleet {
 public:
  /// Certificates are checked against the system's time in handshakes, so `now` is near it unless a test is about that.
  explicit TestFleet(const std::string& fleet = "test-fleet", WallTime now = SystemClock().now())
      : now_(now), authority_(must(identity::Authority::create(FleetName::trusted(fleet), now))) {}

  const identity::Authority& authority() const { return authority_; }
  FleetName name() const { return authority_.fleet(); }
  WallTime now() const { return now_; }
  identity::Identity identity(identity::Role role, const NodeId& id) const { return {name(), role, id}; }

  identity::Credentials credentials(identity::Role role, const NodeId& id, std::chrono::seconds life = std::chrono::hours(24),
                                    std::vector<std::string> hosts = {}) const {
    auto made = identity::make_request();
    std::string certificate = must(authority_.issue(made.request_pem, {identity(role, id), now_, life, std::move(hosts)}));
    return must(identity::make_credentials(made.key_pem, certificate, authority_.certificate_pem()));
  }
  identity::Credentials node(unsigned number = 1) const { return credentials(identity::Role::node, node_id(number)); }
  identity::Credentials seeder(unsigned number = 2) const { return credentials(identity::Role::seeder, node_id(number)); }
  /// With 127.0.0.1 and localhost as hosts.
  identity::Credentials tracker(unsigned number = 0) const {
    return credentials(identity::Role::tracker, node_id(number), std::chrono::hours(24), {"127.0.0.1", "localhost"});
  }

  /// A certificate with one flaw, as a node would show it (a tracker for dns_name_with_nul).
  Presented broken(Flaw flaw, const NodeId& id = node_id(7)) const;
  /// A certificate by a recipe, signed by the fleet's CA.
  Presented made(const Recipe& recipe) const;
  /// The recipe of a good node.
  Recipe recipe(const NodeId& id = node_id(7)) const {
    Recipe good;
    good.from = now_ - std::chrono::minutes(10);
    good.until = now_ + std::chrono::hours(1);
    good.uris = {identity(identity::Role::node, id).uri()};
    return good;
  }

 private:
  WallTime now_;
  identity::Authority authority_;
};

inline Presented TestFleet::made(const Recipe& recipe) const {
  auto ca = must(identity::certificate_from_pem(authority_.certificate_pem()));
  auto ca_key = must(identity::key_from_pem(authority_.key_pem()));
  auto key = detail::make_key(recipe.key_type);
  return detail::presented(key.get(), detail::build(recipe, key.get(), ca.get(), ca_key.get()).get());
}

inline Presented TestFleet::broken(Flaw flaw, const NodeId& id) const {
  Recipe spoilt = recipe(id);
  detail::spoil(spoilt, flaw, name().str(), id.str());
  if (flaw == Flaw::other_ca) return TestFleet(name().str(), now_).made(spoilt);
  if (flaw == Flaw::signed_by_leaf) return detail::signed_by(as_presented(node(8)), spoilt);
  if (flaw == Flaw::signed_by_intermediate) {
    Recipe intermediate = recipe(node_id(9));
    intermediate.subject = "intermediate";
    intermediate.basic_constraints = "critical,CA:TRUE";
    intermediate.key_usage = "critical,digitalSignature,keyCertSign";
    return detail::signed_by(made(intermediate), spoilt);
  }
  if (flaw == Flaw::self_signed) {
    auto key = detail::make_key(spoilt.key_type);
    return detail::presented(key.get(), detail::build(spoilt, key.get(), nullptr, nullptr).get());
  }
  Presented result = made(spoilt);
  if (flaw != Flaw::tampered) return result;
  auto good = must(identity::certificate_from_pem(result.certificate_pem));
  result.certificate_pem = identity::to_pem(detail::flip_signature(good.get()).get());
  return result;
}

}  // namespace shoal::test
