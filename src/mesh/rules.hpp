// Who may link: what the rooms of the control thread ask before they let a connection become a link.
#pragma once

#include <set>

#include "base/guarded.hpp"
#include "identity/tls.hpp"
#include "mesh/link_key.hpp"
#include "mesh/link_types.hpp"
#include "mesh/tally.hpp"

namespace shoal::mesh {

/// Thread-safe.
class Rules {
 public:
  Rules(const identity::CredentialStore& credentials, LinkPolicy& policy, const Clock& clock, Tally& tally);

  const NodeId& self() const { return self_; }
  Tally& tally() const { return tally_; }

  /// The certificate behind a finished handshake, when it may link at all: of this fleet, valid now, of a seeder or a node, and not
  /// our own. Counts a refusal.
  Result<identity::Certificate> peer_of(const SSL* ssl) const;
  /// The policy's word. Counts a refusal.
  bool may_link(const identity::Certificate& peer, const InfoHash& info_hash) const;
  /// Machines that were revoked. Says whether any is new.
  bool refuse(std::set<NodeId> machines);
  /// Whether a link that lives may go on.
  bool may_stay(const identity::Certificate& peer, const InfoHash& info_hash) const;

 private:
  /// Empty where nothing is against the link.
  std::string_view why_not(const identity::Certificate& peer, const InfoHash& info_hash) const;
  bool is_refused(const NodeId& machine) const;
  Status check(const identity::Certificate& peer) const;

  const identity::CredentialStore& credentials_;
  LinkPolicy& policy_;
  const Clock& clock_;
  Tally& tally_;
  const NodeId self_;
  Guarded<std::set<NodeId>> refused_;
};

}  // namespace shoal::mesh
