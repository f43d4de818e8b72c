// Releases of this machine, and the contents that they share: equal files are one content (one info-hash), however many versions and
// models have them.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "base/guarded.hpp"
#include "swarm/swarm.hpp"

namespace shoal::node {

/// The swarm serves a content from the directory of one of its releases, for all of them. Thread-safe; calls wait for the engine.
class Contents {
 public:
  /// The whole release as it lies on the shelf.
  using Load = std::function<Result<swarm::Content>(const ReleaseId&)>;
  Contents(swarm::Swarm& swarm, Load load) : swarm_(swarm), load_(std::move(load)) {}

  /// A release that is whole. Where its content is served already, nothing changes but that it may outlive the other.
  Status keep(const ReleaseId& id, swarm::Content content);
  /// Code `conflict` while the content is fetched for another release. One that is only served is from now on served from this directory.
  Status fetch(const ReleaseId& id, swarm::Content content);
  /// Gives a release up. Where the content has another one, it is served from there.
  void forget(const ReleaseId& id);

 private:
  struct Users {
    ReleaseId server;  // from whose directory the swarm has it
    std::set<ReleaseId> releases;
  };
  using State = std::map<InfoHash, Users>;

  bool is_fetched(const InfoHash& content) const;
  void serve_from_another(State& state, State::iterator users);

  swarm::Swarm& swarm_;
  const Load load_;
  Guarded<State> state_;
};

}  // namespace shoal::node
