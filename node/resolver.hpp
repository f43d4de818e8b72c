// From what a person asks for to a release that the fleet's publishers signed.
#pragma once

#include <optional>

#include "manifest/trust.hpp"
#include "node/shelf.hpp"
#include "registry/client.hpp"

namespace shoal::node {

struct Wanted {
  manifest::VerifiedRelease release;
  std::string envelope;                                     // as received, to be kept beside the files
  std::optional<manifest::VerifiedChannelPointer> pointer;  // when a channel was asked for
};

/// Asks the tracker and believes only signatures. Where the fleet's tracker signs freshness statements, a channel's pointer must be the one
/// that a fresh statement names: a pointer of yesterday is signed as well as that of today. Errors: `unreachable`, `not_found` (with what
/// there is instead), `verification` (and nothing is kept).
class Resolver {
 public:
  Resolver(registry::Client& registry, const manifest::Verifier& verifier, const Shelf& shelf, const Clock& clock)
      : registry_(registry), verifier_(verifier), shelf_(shelf), clock_(clock) {}

  Result<Wanted> resolve(const Reference& reference);

 private:
  Result<Wanted> by_version(const Reference& reference);
  Result<Wanted> by_channel(const Reference& reference);
  Result<manifest::SignedEnvelope> stated_pointer(const Reference& reference);
  Error not_found(const Reference& reference, const Error& cause);

  registry::Client& registry_;
  const manifest::Verifier& verifier_;
  const Shelf& shelf_;
  const Clock& clock_;
};

}  // namespace shoal::node
