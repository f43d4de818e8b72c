// Which key each machine uses, and the machines whose identity two hold.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "http/router.hpp"
#include "identity/certificate.hpp"
#include "tracker/database.hpp"

namespace shoal::tracker {

/// The keys of one machine. No I/O, no clock.
struct KeyChain {
  identity::SpkiPin current;              // in use; zeroes for a machine that has not renewed since the tracker began to keep keys
  std::optional<identity::SpkiPin> next;  // issued, and not seen in use yet: its answer may have been lost
  SteadyTime changed{};                   // when `next` became `current`
  std::optional<WallTime> held_twice;     // since when two are known to hold this identity

  enum class Use { current, switched, stale, foreign };
  /// What a use of this key says. After a switch the machine's other connections may show the key before for `grace`.
  Use use(const identity::SpkiPin& key, SteadyTime now);
  static constexpr std::chrono::minutes grace{2};
};

/// Thread-safe; only `open`, `renewed` and `save` touch the disk.
class MachineKeys {
 public:
  static Result<std::unique_ptr<MachineKeys>> open(Database& database, const Clock& clock);

  void enrolled(const NodeId& machine, const identity::SpkiPin& key);
  /// Whether this certificate may get a successor: its key is the machine's current one. Once it is not, two hold the machine's identity:
  /// that is noted for good, and neither gets anything any more.
  Status may_renew(const identity::Certificate& caller);
  /// After `may_renew`: the key of the certificate that is about to be handed out.
  Status renewed(const NodeId& machine, const identity::SpkiPin& next);
  /// Of every request: an error where the machine's identity is held twice.
  Status check(const identity::Certificate& caller);
  std::optional<WallTime> held_twice(const NodeId& machine) const;
  /// Writes what `check` noticed. To be called every second.
  Status save();

 private:
  using Chains = std::unordered_map<NodeId, KeyChain>;
  MachineKeys(Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  Status judge(const identity::Certificate& caller, bool renewal);
  Status write(const NodeId& machine, const KeyChain& chain);

  Database& database_;
  const Clock& clock_;
  Guarded<Chains> chains_;
  Guarded<std::vector<NodeId>> unsaved_;
};

/// Answers machines whose identity is held twice with 403, and lets the others through.
http::Handler without_doubles(MachineKeys& keys, http::Handler inner);

}  // namespace shoal::tracker
