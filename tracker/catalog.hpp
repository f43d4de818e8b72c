// The registry of releases and channels. Nodes check signatures themselves; the tracker checks them too, so that what cannot
// be used is refused while its publisher is there to see it.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/guarded.hpp"
#include "tracker/catalog_records.hpp"
#include "tracker/freshness.hpp"
#include "tracker/shards.hpp"
#include "tracker/shared_bodies.hpp"

namespace shoal::tracker {

/// By what the newest trust root says. Called on any thread.
using VerifierSource = std::function<std::shared_ptr<const manifest::Verifier>()>;

/// How many channels there may be. More of them cannot stop what is there already: a statement lists the oldest of its shard first.
struct ChannelQuotas {
  std::size_t per_model = 1000;
  std::size_t per_publisher = 4000;                        // of the models of which the same keys are the publishers
  ByteCount listed = manifest::freshness_limit - 4 * KiB;  // what those of a statement may take in it
};

/// Thread-safe; all but `knows` and `withdrawn` block on the disk.
class Catalog {
 public:
  /// Reads which torrents are registered.
  static Result<std::unique_ptr<Catalog>> open(Database& database, VerifierSource verifier, const Clock& clock, ChannelQuotas quotas = {});

  /// Registers a release under its version, for good. `verification` where the envelope or the metainfo does not verify, or the
  /// release says another model or version; `conflict` where the version is taken by another release or was withdrawn.
  Status publish(const ModelName& model, const VersionName& version, const registry::PublishRequest& request, const NodeId& publisher);
  Result<registry::ReleaseReply> release(const ModelName& model, const VersionName& version);
  Result<registry::ReleaseReply> release(const ReleaseId& id);
  /// `unreachable` where other metainfos that are being read leave no memory for it.
  Result<SharedBody> metainfo(const ReleaseId& id);
  Result<std::vector<registry::VersionRow>> versions(const ModelName& model);
  /// Those that were not withdrawn, in the order in which they were published.
  Result<std::vector<ReleaseRecord>> releases();

  struct Counts {
    std::size_t registered = 0, withdrawn = 0, channels = 0;
  };
  /// Zeroes where the database cannot be read.
  Counts count();

  /// Takes a release away for good, by the word of the model's publishers: `not_found` with the reason to whoever asks for it.
  /// `verification` where they did not sign the withdrawal, `conflict` where a channel points to the release.
  Status withdraw(const ModelName& model, const VersionName& version, const std::string& envelope, const NodeId& who);

  /// Moves a channel. `conflict` where (epoch, sequence) does not rise, unless the pointer is the stored one; `not_found` where
  /// its release is not registered for this model, or was withdrawn; `conflict` where a new channel would exceed a quota.
  Status set_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope, const NodeId& who);
  /// Makes the pointer in force last longer: `conflict` unless the next one is one sequence above it and otherwise says the same. A halted
  /// rollout stays halted.
  Status renew_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope, const NodeId& who);
  /// Takes a channel away, by the word of the model's publishers. `conflict` where (epoch, sequence) does not rise; the same deletion again
  /// is fine. A pointer that comes afterwards makes the channel anew, if it is above the deletion.
  Status delete_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope, const NodeId& who);
  /// The deletion's envelope, while one is kept.
  Result<std::string> deletion(const ModelName& model, const ChannelName& channel);
  Result<std::string> channel(const ModelName& model, const ChannelName& channel);
  Result<std::vector<registry::ChannelRow>> channels(const ModelName& model);

  /// Newest first, 200 at most.
  Result<std::vector<registry::HistoryRow>> history(const ModelName& model, const ChannelName& channel);
  Result<Standings> standings();
  /// Stops the rollout of the pointer at (epoch, sequence) of `standing`, if it is still in force.
  Status halt(const ChannelStanding& standing);

  /// Whether some release has this info-hash and was not withdrawn. Does not touch the disk.
  bool knows(const InfoHash& info_hash) const;
  /// Why, where all releases with this info-hash were withdrawn; empty otherwise. Does not touch the disk.
  std::string withdrawn(const InfoHash& info_hash) const;

 private:
  Catalog(Database& database, VerifierSource verifier, const Clock& clock, ChannelQuotas quotas)
      : database_(database), verifier_(std::move(verifier)), clock_(clock), quotas_(quotas) {}
  Status check_quotas(Session& session, const ModelName& model, const ChannelName& channel) const;
  struct Newcomer {
    const ModelName& model;
    const ChannelName& channel;
    ByteCount total = 0;  // that all channels would take with it
  };
  Status check_room(Session& session, const Newcomer& next) const;
  Status remember_torrents();
  Result<ChannelStanding> standing_of(Session& session, const ChannelBrief& brief);
  Result<registry::ReleaseReply> reply_for(Session& session, const std::optional<ReleaseRecord>& found, const std::string& what);

  // Of metainfos: all that are being sent, and those that wait to be asked for again.
  static constexpr ByteCount most_in_memory = 192 * MiB;
  static constexpr ByteCount most_kept = 64 * MiB;

  Database& database_;
  SharedBodies metainfos_{most_in_memory, most_kept};
  const VerifierSource verifier_;
  const Clock& clock_;
  const ChannelQuotas quotas_;
  // Of every channel, so that a change of one reads one pointer. Used by one call of standings() at a time.
  Guarded<std::unordered_map<std::string, ChannelStanding>> standings_;
  Guarded<std::unordered_set<InfoHash>> torrents_;
  Guarded<std::unordered_map<InfoHash, std::string>> withdrawn_;  // reasons
};

}  // namespace shoal::tracker
