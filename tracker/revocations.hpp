// Machines that were shut out before their certificates end.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/guarded.hpp"
#include "http/router.hpp"
#include "tracker/database.hpp"

namespace shoal::tracker {

struct Revocation {
  NodeId machine;
  std::string name;    // as it calls itself; may be empty
  std::string reason;  // for people; may be empty
  WallTime at;
  WallTime certificate_until;  // afterwards nobody accepts it anyhow
};

/// The machine that `who` names, by its id, or by its name where no other has it: `not_found` where there is none, `usage` where several
/// have the name. Those that were removed are not found. `at` is the epoch's start where it is not revoked.
Result<Revocation> machine_named(Session& session, const std::string& who);

/// Shuts a machine out for good. Errors are those of machine_named. Once more is no error and changes nothing. Works beside a running
/// tracker.
Result<Revocation> revoke(Database& database, const std::string& who, const std::string& reason, WallTime now);

/// What a running tracker knows of them. Thread-safe.
class Revocations {
 public:
  explicit Revocations(Database& database) : database_(database) {}

  /// Reads them again, since `revoke` may write from another process; returns those that were not known before. Blocks on the disk.
  Result<std::vector<NodeId>> refresh();
  std::optional<Revocation> find(const NodeId& machine) const;
  /// Those that could still show a valid certificate: what every peer has to know.
  std::vector<NodeId> certified(WallTime now) const;

 private:
  Database& database_;
  Guarded<std::unordered_map<NodeId, Revocation>> known_;
};

/// Answers revoked machines with 403, and lets the others through.
http::Handler without_revoked(const Revocations& revocations, http::Handler inner);

}  // namespace shoal::tracker
