// The registry of releases and channels. Nodes check signatures themselves; the tracker checks them too, so that what cannot
// be used is refused while its publisher is there to see it.
#pragma once

#include <memory>
#include <unordered_set>

#include "base/guarded.hpp"
#include "tracker/catalog_records.hpp"

namespace shoal::tracker {

/// Thread-safe; all but `knows` block on the disk.
class Catalog {
 public:
  /// Reads which torrents are registered.
  static Result<std::unique_ptr<Catalog>> open(Database& database, manifest::Verifier verifier, const Clock& clock);

  /// Registers a release under its version, for good. `verification` where the envelope or the metainfo does not verify, or the
  /// release says another model or version; `conflict` where the version is taken by another release.
  Status publish(const ModelName& model, const VersionName& version, const registry::PublishRequest& request, const NodeId& publisher);
  Result<registry::ReleaseReply> release(const ModelName& model, const VersionName& version);
  Result<registry::ReleaseReply> release(const ReleaseId& id);
  Result<std::string> metainfo(const ReleaseId& id);
  Result<std::vector<registry::VersionRow>> versions(const ModelName& model);
  Result<std::vector<ReleaseRecord>> releases();

  /// Moves a channel. `conflict` where (epoch, sequence) does not rise, unless the pointer is the stored one; `not_found` where
  /// its release is not registered for this model.
  Status set_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope);
  Result<std::string> channel(const ModelName& model, const ChannelName& channel);
  Result<std::vector<registry::ChannelRow>> channels(const ModelName& model);

  /// Whether some release has this info-hash. Does not touch the disk.
  bool knows(const InfoHash& info_hash) const;

 private:
  Catalog(Database& database, manifest::Verifier verifier, const Clock& clock)
      : database_(database), verifier_(std::move(verifier)), clock_(clock) {}
  Result<registry::ReleaseReply> reply_for(Session& session, const std::optional<ReleaseRecord>& found, const std::string& what);

  Database& database_;
  const manifest::Verifier verifier_;
  const Clock& clock_;
  Guarded<std::unordered_set<InfoHash>> torrents_;
};

}  // namespace shoal::tracker
