// Who is let into the fleet: join tokens, enrolment and renewal.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/guarded.hpp"
#include "identity/authority.hpp"
#include "identity/token.hpp"
#include "registry/messages.hpp"
#include "tracker/admission_records.hpp"
#include "tracker/database.hpp"
#include "tracker/machine_keys.hpp"
#include "tracker/trust_roots.hpp"

namespace shoal::tracker {

struct TokenOrder {
  identity::Role role = identity::Role::node;
  std::uint32_t uses = 1;
  std::chrono::seconds ttl{std::chrono::hours(1)};
};

/// What every token of a fleet says.
struct FleetPins {
  HostPort tracker;
  identity::SpkiPin ca_pin;
  Sha256 trust_root;  // fingerprint
};

/// Makes a token and stores it with the hash of its secret. Works beside a running tracker.
Result<identity::JoinToken> create_token(Database& database, const FleetPins& pins, const TokenOrder& order, WallTime now);

/// Thread-safe; calls block on the disk.
class Admission {
 public:
  /// A lost answer is given again to the same key for this long.
  static constexpr std::chrono::minutes replay_window{10};

  struct Options {
    std::chrono::seconds certificate_life{std::chrono::hours(24)};
    /// The root with this fingerprint, which a token pins, and those that followed it.
    std::function<RootChain(const Sha256& fingerprint)> trust_roots;
  };

  /// Reads the machines that are enrolled.
  static Result<std::unique_ptr<Admission>> open(Database& database, const identity::Authority& authority, MachineKeys& keys,
                                                 const Clock& clock, Options options);

  /// Spends one use of the token and issues a certificate for a new name, both or neither. `not_found` for a token that is
  /// unknown or has another secret, `not_enrolled` for one that expired or was used up; a bad request spends nothing.
  enum class Log { all, quiet };
  Result<registry::EnrolReply> enrol(const registry::EnrolRequest& request, const std::string& address, Log log = Log::all);
  /// A new certificate (PEM) for the caller's name and role, which must be of a machine that was enrolled here and show its current key.
  Result<std::string> renew(const identity::Certificate& caller, const std::string& request_pem);

  /// Where a machine stands; empty where unknown. Does not touch the disk.
  std::string site_of(const NodeId& machine) const;
  Result<std::vector<registry::MachineRow>> machines();

 private:
  Admission(Database& database, const identity::Authority& authority, MachineKeys& keys, const Clock& clock, Options options)
      : database_(database), authority_(authority), keys_(keys), clock_(clock), options_(std::move(options)) {}

  struct Issued {
    std::string pem;
    identity::SpkiPin key;
  };
  Result<Issued> issue(const std::string& request_pem, identity::Role role, const NodeId& id) const;
  Result<NodeId> admit(Session& session, const registry::EnrolRequest& request, const identity::SpkiPin& key, const NodeId& fresh);
  Result<TokenRecord> usable_token(Session& session, const registry::EnrolRequest& request) const;
  Result<registry::EnrolReply> enrol_checked(const registry::EnrolRequest& request);

  Database& database_;
  const identity::Authority& authority_;
  MachineKeys& keys_;
  const Clock& clock_;
  Options options_;
  Guarded<std::unordered_map<NodeId, std::string>> sites_;
};

}  // namespace shoal::tracker
