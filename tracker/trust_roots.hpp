// Every version of the trust root that this fleet had since its tracker was set up, and the one that counts now.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "manifest/trust.hpp"
#include "tracker/database.hpp"

namespace shoal::tracker {

/// A root and those that followed it, as envelopes.
struct RootChain {
  std::string first;
  std::vector<std::string> later;
};

/// Thread-safe. Only `add` touches the disk.
class TrustRoots {
 public:
  /// `first` is the root that the state directory holds; a database that knows another one of that version is `conflict`.
  static Result<std::unique_ptr<TrustRoots>> open(Database& database, const std::string& first, const Clock& clock);

  /// By the newest root. What was returned stays as it is when the root rotates.
  std::shared_ptr<const manifest::Verifier> verifier() const;
  /// The envelope of that version; `not_found`.
  Result<std::string> find(std::uint64_t version) const;
  /// From the root with this fingerprint on (a token pins it); from the first where it is not known.
  RootChain chain_from(const Sha256& fingerprint) const;

  /// Takes the next root for good. `conflict` where it is not the next version; `verification` where the thresholds of both are not
  /// reached or it is otherwise no successor. The one that is stored already is fine.
  Status add(std::uint64_t version, const std::string& envelope, const NodeId& who);

 private:
  struct Root {
    std::uint64_t version = 0;
    Sha256 fingerprint;
    std::string envelope;
  };
  struct State {
    std::vector<Root> roots;  // versions rise by one
    std::shared_ptr<const manifest::Verifier> verifier;
  };
  TrustRoots(Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  Status take(State& state, const std::string& envelope) const;
  Status store(const Root& root, const std::string& who);

  Database& database_;
  const Clock& clock_;
  Guarded<State> state_;
};

/// For who has no running tracker: the fingerprint of the newest root in the database, or `otherwise` where it holds none yet.
Result<Sha256> newest_fingerprint(Database& database, const Sha256& otherwise);

}  // namespace shoal::tracker
