#include "node/joining.hpp"

#include "identity/member.hpp"
#include "identity/tls.hpp"
#include "node/join_landing.hpp"
#include "registry/client.hpp"

namespace shoal::node {
namespace {

Status refuse_second_identity(const fs::path& state, const Clock& clock) {
  auto member = identity::load_member(state);
  if (!member.ok()) return {};
  const identity::Certificate& self = member->credentials.self;
  if (self.not_after <= clock.now()) return {};  // an expired machine may come back with a new token
  return fail(ErrorCode::conflict,
              state.string() + " is enrolled already, as " + self.identity.uri() + ": use another --state, or --replace to give that up");
}

Result<std::unique_ptr<registry::Client>> pinned_client(const identity::JoinToken& token, const Clock& clock, const std::stop_token& stop) {
  SHOAL_TRY(auto context, identity::pinned_client_context(token.ca_pin, identity::alpn_enrol));
  return std::make_unique<registry::Client>(http::Client::pinned(token.tracker, std::move(context), clock), stop);
}

/// The newest root that the pinned one leads to. A fingerprint from elsewhere may be of a later root than the token's.
Result<std::string> newest_trust_root(const registry::EnrolReply& reply, const JoinRequest& request, const FleetName& fleet) {
  SHOAL_TRY(auto from_token, manifest::TrustFingerprint::from_raw(request.token.trust_root.view()));
  manifest::TrustFingerprint wanted = request.trust_root.value_or(from_token);
  std::vector<manifest::SignedEnvelope> chain;
  std::vector<std::string> texts{reply.trust_root};
  texts.insert(texts.end(), reply.later_trust_roots.begin(), reply.later_trust_roots.end());
  std::size_t pinned = 0;
  for (const std::string& text : texts) {
    SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(text, manifest::trust_root_limit));
    if (manifest::trust_fingerprint(envelope.payload) == wanted) pinned = chain.size();
    chain.push_back(std::move(envelope));
  }
  SHOAL_TRY(auto verifier, manifest::Verifier::pin(chain[pinned], wanted));
  for (std::size_t i = pinned + 1; i < chain.size(); ++i) SHOAL_CHECK(verifier.rotate(chain[i]));
  if (verifier.root().fleet == fleet) return texts.back();
  return fail(ErrorCode::verification, "the trust root is of fleet " + verifier.root().fleet.str() + ", the certificate of " + fleet.str());
}

Status check_authority(const std::string& ca_pem, const identity::SpkiPin& pin) {
  SHOAL_TRY(auto found, identity::spki_pin_of_pem(ca_pem));
  if (found == pin) return {};
  return fail(ErrorCode::verification, "the tracker sent another CA than the one that the token pins");
}

/// Whether the same token may still get an answer with the same key: the request or its answer may have been lost.
bool worth_repeating(const Error& error) { return error.code == ErrorCode::unreachable || error.code == ErrorCode::interrupted; }

Result<identity::Member> enrol(registry::Client& registry, const JoinLanding& landing, const JoinRequest& request) {
  const identity::KeyAndRequest& key = landing.key();
  SHOAL_TRY(auto reply, registry.enrol({request.token.id, request.token.secret, key.request_pem, request.name, request.site}));
  SHOAL_CHECK(check_authority(reply.ca_pem, request.token.ca_pin));
  SHOAL_TRY(auto credentials, identity::make_credentials(key.key_pem, std::move(reply.certificate_pem), std::move(reply.ca_pem)));
  SHOAL_TRY(std::string trust_root, newest_trust_root(reply, request, credentials.self.identity.fleet));
  return identity::Member{std::move(credentials), request.token.tracker, std::move(trust_root), request.name, request.site};
}

}  // namespace

Result<Joined> join(const fs::path& state, const JoinRequest& request, const Clock& clock, const std::stop_token& stop) {
  if (!request.replace) SHOAL_CHECK(refuse_second_identity(state, clock));
  SHOAL_TRY(auto registry, pinned_client(request.token, clock, stop));
  SHOAL_TRY(JoinLanding landing, JoinLanding::prepare(state, request.token.id));
  if (Status there = registry->greet(); !there.ok()) {
    landing.forget();
    return std::move(there).error();
  }
  auto member = enrol(*registry, landing, request);
  if (!member.ok()) {
    if (worth_repeating(member.error())) (void)landing.clear_room();
    else landing.forget();
    return std::move(member).error();
  }
  SHOAL_CHECK(landing.clear_room());
  SHOAL_CHECK(identity::save_member(state, *member));
  landing.forget();
  SHOAL_CHECK(landing.give_to_owner());
  return Joined{member->credentials.self.identity, member->credentials.self.not_after};
}

}  // namespace shoal::node
