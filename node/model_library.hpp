// The models of a running node, for its gateway: what is on the shelf, and what the fleet has and this node fetches on request.
#pragma once

#include "node/arrival.hpp"
#include "node/release_names.hpp"

namespace shoal::node {

class ModelLibrary final : public gateway::Library {
 public:
  /// Its means in the running node. Thread-safe, all of them.
  struct Means {
    ReleaseNames::IsFollowed is_followed;
    /// Brings a release to the shelf and shows it under the reference; blocks.
    std::function<Status(const Reference&, const Wanted&, const std::stop_token&)> fetch;
    std::function<std::vector<bool>(const InfoHash&)> pieces;
    std::function<void(const InfoHash&, const std::vector<std::uint32_t>&)> hurry;
    bool allow_code_formats = false;
  };
  ModelLibrary(member::MemberSession& session, const Shelf& shelf, const Clock& clock, Means means);
  /// Ends questions to the tracker, and gives up the fetches that only the gateway wants.
  ~ModelLibrary() override;

  gateway::Answer<gateway::SharedRelease> find(const ModelName& model, const std::string& revision) override;
  gateway::Answer<std::vector<gateway::RevisionName>> revisions(const ModelName& model) override { return names_.revisions(model); }
  std::vector<ModelName> models() override { return names_.models(); }
  gateway::Answer<std::shared_ptr<http::BodySource>> open(const gateway::SharedRelease& release, std::size_t file,
                                                          const gateway::Span& bytes) override;

 private:
  using Opened = gateway::Answer<std::shared_ptr<http::BodySource>>;
  using Arrivals = std::map<ReleaseId, std::shared_ptr<Arrival>>;
  Opened open_shelved(const manifest::VerifiedRelease& release, std::size_t file, const gateway::Span& bytes) const;
  gateway::Answer<std::shared_ptr<Arrival>> arrival_of(const gateway::SharedRelease& release);
  Arrival::Means means_for(const gateway::SharedRelease& release) const;
  NamedRelease named(const gateway::SharedRelease& release) const;

  const Shelf shelf_;
  const Means means_;
  std::stop_source stop_;
  ReleaseNames names_;
  mutable Guarded<std::map<ReleaseId, NamedRelease>> asked_;  // under which name each was last found
  Guarded<Arrivals> arrivals_;
};

}  // namespace shoal::node
