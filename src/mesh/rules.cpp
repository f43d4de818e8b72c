#include "mesh/rules.hpp"

#include <algorithm>

#include "mesh/link_log.hpp"

namespace shoal::mesh {

Rules::Rules(const identity::CredentialStore& credentials, LinkPolicy& policy, const Clock& clock, Tally& tally)
    : credentials_(credentials), policy_(policy), clock_(clock), tally_(tally), self_(credentials.current()->self.identity.id) {}

Result<identity::Certificate> Rules::peer_of(const SSL* ssl) const {
  auto peer = identity::peer_certificate(ssl, credentials_.current()->self.identity.fleet, clock_.now());
  Status allowed = peer.ok() ? check(*peer) : Status(peer.error());
  if (allowed.ok()) return peer;
  ++tally_.refused_certificate;
  return std::move(allowed).error();
}

Status Rules::check(const identity::Certificate& peer) const {
  identity::Role role = peer.identity.role;
  if (role != identity::Role::seeder && role != identity::Role::node)
    return fail(ErrorCode::not_enrolled, "a " + std::string(identity::name(role)) + " takes no part in swarms");
  if (peer.identity.id == self_) return fail(ErrorCode::not_enrolled, "the peer shows this machine's own id");
  if (is_refused(peer.identity.id)) return fail(ErrorCode::not_enrolled, "machine " + peer.identity.id.str() + " was revoked");
  return {};
}

bool Rules::refuse(std::set<NodeId> machines) {
  auto refused = refused_.lock();
  const bool more = !std::includes(refused->begin(), refused->end(), machines.begin(), machines.end());
  *refused = std::move(machines);
  return more;
}

bool Rules::is_refused(const NodeId& machine) const {
  return refused_.with([&](const auto& refused) { return refused.contains(machine); });
}

bool Rules::may_link(const identity::Certificate& peer, const InfoHash& info_hash) const {
  const std::string_view why = why_not(peer, info_hash);
  if (why.empty()) return true;
  ++tally_.refused_by_policy;
  link_log::refused({peer.identity.id, info_hash}, why);
  return false;
}

bool Rules::may_stay(const identity::Certificate& peer, const InfoHash& info_hash) const { return why_not(peer, info_hash).empty(); }

std::string_view Rules::why_not(const identity::Certificate& peer, const InfoHash& info_hash) const {
  if (peer.not_after <= clock_.now()) return "its certificate has expired";
  if (is_refused(peer.identity.id)) return "it was revoked";
  return policy_.may_link(peer, info_hash) ? "" : "this machine's policy refuses it";
}

}  // namespace shoal::mesh
