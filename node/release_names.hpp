// Finds the release that a revision of a model names, for the gateway: a channel, a version or a commit, here or by the tracker's word,
// verified either way.
#pragma once

#include <functional>
#include <map>

#include "member/member_session.hpp"
#include "node/gateway/library.hpp"
#include "node/resolver.hpp"

namespace shoal::node {

/// A release and the name under which it was asked for.
struct NamedRelease {
  Reference reference;
  std::shared_ptr<const Wanted> wanted;
  const manifest::VerifiedRelease& release() const { return wanted->release; }
};

/// Thread-safe. Remembers answers for a few seconds, because a client asks for each file of a model by the same name.
class ReleaseNames {
 public:
  /// Whether the running node follows the channel; then its link says what is active, and the tracker is not asked.
  using IsFollowed = std::function<bool(const ModelName&, const ChannelName&)>;
  /// `stop` ends questions to the tracker.
  ReleaseNames(member::MemberSession& session, const Shelf& shelf, const Clock& clock, IsFollowed is_followed, std::stop_token stop);

  /// Blocks while the tracker answers. Where it cannot be reached, what is on this machine is the answer.
  gateway::Answer<NamedRelease> find(const ModelName& model, const std::string& revision);
  gateway::Answer<std::vector<gateway::RevisionName>> revisions(const ModelName& model);
  /// Of the releases on the shelf.
  std::vector<ModelName> models() const;

 private:
  using Found = gateway::Answer<NamedRelease>;
  struct Remembered {
    NamedRelease named;
    SteadyTime until;
  };
  std::optional<NamedRelease> remembered(const std::string& name);
  void remember(const std::string& name, const NamedRelease& named);
  Found look_up(const ModelName& model, const std::string& revision);
  Found by_channel(const Reference& reference);
  std::optional<NamedRelease> version_on_shelf(const Reference& reference) const;
  Found by_commit(const ModelName& model, const std::string& commit);
  std::optional<NamedRelease> on_shelf(const Reference& reference, const ReleaseId& id) const;
  Found ask_tracker(const Reference& reference);
  Found ask_tracker_for(const ModelName& model, const std::string& commit);
  gateway::Refusal refusal_of(const ModelName& model, const Error& error, registry::Client& tracker) const;

  member::MemberSession& session_;
  const Shelf shelf_;
  const Clock& clock_;
  const IsFollowed is_followed_;
  const std::stop_token stop_;
  Guarded<std::map<std::string, Remembered>> remembered_;
};

}  // namespace shoal::node
