#include "mesh/rules.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::mesh {

Rules::Rules(const identity::CredentialStore& credentials, LinkPolicy& policy, const Clock& clock, Tally& tally)
    : credentials_(credentials), policy_(policy), clock_(clock), tally_(tally), self_(credentials.current()->self.identity.id) {}

Result<identity::Certificate> Rules::peer_of(const SSL* ssl) const {
  auto peer = identity::peer_certificate(ssl, credentials_.current()->self.identity.fleet, clock_.now());
  Status allowed = peer.ok() ? check(*peer) : Status(peer.error());
  if (allowed.ok()) return peer;
  ++tally_.refused_certificate;
  log::debug("mesh_certificate_refused", {{"reason", allowed.error().message}});
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
  if (may_stay(peer, info_hash)) return true;
  ++tally_.refused_by_policy;
  log::debug("mesh_link_refused_by_policy", {{"peer", peer.identity.id.str()}, {"info_hash", info_hash.hex()}});
  return false;
}

bool Rules::may_stay(const identity::Certificate& peer, const InfoHash& info_hash) const {
  return peer.not_after > clock_.now() && !is_refused(peer.identity.id) && policy_.may_link(peer, info_hash);
}

}  // namespace shoal::mesh
