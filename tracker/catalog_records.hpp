// Rows of releases and channels. SQL and nothing else; the rules are in catalog.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manifest/trust.hpp"
#include "registry/messages.hpp"
#include "tracker/database.hpp"

namespace shoal::tracker {

/// A release without its envelope and metainfo.
struct ReleaseRecord {
  ReleaseId id;
  ModelName model;
  VersionName version;
  InfoHash info_hash;
  ByteCount size = 0;
  WallTime created;
  WallTime withdrawn = {};  // since when; the epoch's start where it is not
  std::string withdrawn_reason = {};
  bool withdrawal_signed = false;
  bool is_withdrawn() const { return withdrawn != WallTime{}; }
};

struct NewRelease {
  const ReleaseRecord& record;
  const std::string& envelope;
  const std::string& metainfo;
  std::string publisher;
  WallTime now;
};

Status insert_release(Session& session, const NewRelease& release);
Result<std::optional<ReleaseRecord>> find_release(Session& session, const ReleaseId& id);
Result<std::optional<ReleaseRecord>> find_release(Session& session, const ModelName& model, const VersionName& version);
Status mark_withdrawn(Session& session, const ReleaseId& id, const std::string& reason, const std::string& envelope, WallTime now);
Status clear_withdrawn(Session& session, const ReleaseId& id);
/// Gives its version free; histories go on naming it.
Status set_version_aside(Session& session, const ReleaseId& id);
/// In the order in which they were published; withdrawn ones are among them.
Result<std::vector<ReleaseRecord>> all_releases(Session& session);
Result<std::vector<ReleaseRecord>> releases_of(Session& session, const ModelName& model);
Result<std::string> envelope_of(Session& session, const ReleaseId& id);
Result<ByteCount> metainfo_size_of(Session& session, const ReleaseId& id);
Result<std::string> metainfo_of(Session& session, const ReleaseId& id);

struct ChannelRecord {
  ModelName model;
  ChannelName channel;
  manifest::SeenSequence seen;
  ReleaseId release;
  std::string envelope;
  bool halted = false;
  /// Since when failures count against its rollout: the pointer that began it, or resumed it. Zeroes: all of them count.
  std::uint64_t judged_from = 0;
  WallTime judged_since = {};
};

/// Replaces the pointer in force and adds it to the history, as sent by `who`. Its rollout begins.
Status put_channel(Session& session, const ChannelRecord& record, const NodeId& who, WallTime now);
/// The same for a pointer that says what the one in force says, for longer: a halt and what was counted stay.
Status prolong_channel(Session& session, const ChannelRecord& record, const NodeId& who, WallTime now);
/// Marks the rollout of the pointer that is in force at `seen`; false where another one is.
Result<bool> mark_halted(Session& session, const ModelName& model, const ChannelName& channel, const manifest::SeenSequence& seen);
/// Sorted by model and channel.
Result<std::vector<ChannelRecord>> all_channels(Session& session);
/// A channel without its pointer's envelope, which (epoch, sequence) tells apart from any other.
struct ChannelBrief {
  ModelName model;
  ChannelName channel;
  manifest::SeenSequence seen;
  bool halted = false;
  std::uint64_t judged_from = 0;
  WallTime judged_since = {};
};
/// Those that were made first come first.
Result<std::vector<ChannelBrief>> channels_by_age(Session& session);
/// A channel that its publishers deleted.
struct DeletionRecord {
  ModelName model;
  ChannelName channel;
  manifest::SeenSequence seen;
  std::string envelope;
  WallTime until = {};  // the last of the pointers that it had has expired then
};
/// Takes the channel away and keeps the deletion. Its history stays as long as that.
Status replace_by_deletion(Session& session, const DeletionRecord& record);
Result<std::optional<DeletionRecord>> find_deletion(Session& session, const ModelName& model, const ChannelName& channel);
Status forget_deletion(Session& session, const ModelName& model, const ChannelName& channel);
Result<std::size_t> deletions_of(Session& session, const ModelName& model);

struct ModelChannels {
  ModelName model;
  std::size_t channels = 0;
  std::size_t name_bytes = 0;  // of the channels' names
};
Result<std::vector<ModelChannels>> channels_by_model(Session& session);
/// Newest first.
Result<std::vector<registry::HistoryRow>> history_of(Session& session, const ModelName& model, const ChannelName& channel,
                                                     std::int64_t most);
Result<std::optional<ChannelRecord>> find_channel(Session& session, const ModelName& model, const ChannelName& channel);
Result<std::vector<registry::ChannelRow>> channels_of(Session& session, const ModelName& model);

}  // namespace shoal::tracker
