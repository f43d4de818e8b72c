// What a member of the fleet asks its tracker. Nothing that it returns is trusted: signed documents come as envelopes.
#pragma once

#include <memory>
#include <stop_token>

#include "http/client.hpp"
#include "registry/freshness_query.hpp"
#include "registry/messages.hpp"

namespace shoal::registry {

/// Blocking, one thread at a time; give each thread a client of its own. Errors are http::Client's, and the tracker's own
/// refusals with the code it named (not_found, conflict, verification, not_enrolled, usage). Where the tracker is busy and says when to ask
/// again (503 with Retry-After), what only asks waits and asks again: for metainfos up to half an hour, else for a minute.
class Client {
 public:
  Client(std::unique_ptr<http::Client> http, std::stop_token stop) : http_(std::move(http)), stop_(std::move(stop)) {}

  /// Whether the tracker answers a machine that is about to enrol, before it is told any secret.
  Status greet();
  Result<EnrolReply> enrol(const EnrolRequest& request);
  Result<std::string> renew(const std::string& request_pem);

  /// PUT /v1/models/{org}/{name}/versions/{version}: envelope and metainfo in one request. The same release again is fine;
  /// another release for the version is `conflict`.
  Status publish(const ModelName& model, const VersionName& version, const std::string& envelope, const std::string& metainfo);
  Result<ReleaseReply> release(const ModelName& model, const VersionName& version);
  Result<ReleaseReply> release(const ReleaseId& id);
  Result<std::string> metainfo(const ReleaseId& id, ByteCount expected_size);
  Result<std::vector<VersionRow>> versions(const ModelName& model);

  /// The envelope of the channel's pointer.
  Result<std::string> channel(const ModelName& model, const ChannelName& channel);
  Result<std::vector<ChannelRow>> channels(const ModelName& model);
  /// PUT; `conflict` where the sequence is not above the tracker's.
  Status set_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope);
  /// PUT of a pointer that makes the one in force last longer, one sequence above it; `conflict` where another one is in force.
  Status renew_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope);

  /// DELETE with the envelope of a deletion; `conflict` where its sequence is not above the tracker's.
  Status delete_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope);
  /// The envelope of the deletion of a channel that is not there; `not_found` where none is kept.
  Result<std::string> deletion(const ModelName& model, const ChannelName& channel);

  /// Pointers that the channel had, newest first.
  Result<std::vector<HistoryRow>> history(const ModelName& model, const ChannelName& channel);
  /// The envelope of a withdrawal. `not_found` afterwards to whoever asks for the release, with the reason; nodes that fetch it stop.
  Status withdraw(const ModelName& model, const VersionName& version, const std::string& envelope);

  /// The envelope of the newest freshness statement, at once where its serial is not `after` (0: whatever it is), else when it
  /// changes, or after `patience` (50 s at most) the one that is in force.
  Result<std::string> freshness(std::uint64_t after, std::chrono::milliseconds patience);
  /// The same for the shards in which these places lie, of which there are 1 to `most_places`: one envelope for each shard, and a serial is
  /// the highest of theirs. A tracker of before answers with its one statement.
  Result<std::vector<std::string>> freshness(const std::vector<manifest::ChannelPlace>& places, std::uint64_t after,
                                             std::chrono::milliseconds patience);
  /// The envelope of that version of the trust root.
  Result<std::string> trust_root(std::uint64_t version);
  Status set_trust_root(std::uint64_t version, const std::string& envelope);

  /// What this node follows and how far it is.
  Result<ReportReply> report(const NodeReport& report);
  Result<std::vector<NodeRow>> nodes();

  /// Whether the tracker was reached at a loopback address the last time.
  bool over_loopback() const { return http_->over_loopback(); }
  Result<AnnounceReply> announce(const AnnounceRequest& request);
  Result<FleetStatus> status();

 private:
  Result<http::Response> send(http::ClientRequest request);
  Result<std::string> ask_freshness(std::uint64_t after, std::chrono::milliseconds patience, const std::string& more,
                                    std::size_t statements);
  Result<http::Response> send_once(http::ClientRequest request, std::chrono::seconds* retry_after = nullptr);
  std::unique_ptr<http::Client> http_;
  std::stop_token stop_;
};

}  // namespace shoal::registry
