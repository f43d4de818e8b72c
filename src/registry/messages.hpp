// The contract between roles: what is said under /v1 and in announces. docs/formats.md has the JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "identity/certificate.hpp"
#include "manifest/trust.hpp"

namespace shoal::registry {

// Sizes of bodies, in bytes: what a server should take and a client reads at most.
inline constexpr ByteCount message_limit = 64 * KiB;  // enrol, renew
inline constexpr ByteCount list_limit = 16 * MiB;     // versions, channels, status
inline constexpr ByteCount report_limit = 128 * KiB;  // of one node
inline constexpr ByteCount metainfo_limit = manifest::stored_metainfo_limit;
inline constexpr ByteCount channel_body_limit = manifest::channel_limit / 3 * 4 + 64 * KiB;
inline constexpr ByteCount trust_root_body_limit = manifest::trust_root_limit / 3 * 4 + 64 * KiB;
inline constexpr ByteCount freshness_body_limit = manifest::freshness_limit / 3 * 4 + 64 * KiB;
inline constexpr ByteCount release_body_limit = manifest::release_limit / 3 * 4 + 128 * KiB;
inline constexpr std::size_t remark_limit = 500;  // of what a tracker says for people, as far as it is shown
/// What the tracker says (`not_found`, or `conflict` when it is published again) where a release was withdrawn has these words.
inline constexpr std::string_view withdrawn_words = "was withdrawn";
/// And these, where an earlier version of the tracker took a withdrawal without a signature: who may publish may publish the version again.
inline constexpr std::string_view unsigned_words = " (without a signature: its publishers may publish it again)";
/// The longest that a freshness request waits.
inline constexpr std::chrono::seconds longest_patience{50};
inline constexpr ByteCount publish_limit = release_body_limit + metainfo_limit / 3 * 4 + 64 * KiB;

/// POST /v1/enrol; `token_id` and `token_secret` are base64url in the JSON.
struct EnrolRequest {
  std::string token_id;      // raw
  std::string token_secret;  // raw
  std::string request_pem;   // PKCS#10
  std::string name;
  std::string site;
};
struct EnrolReply {
  std::string certificate_pem;
  std::string ca_pem;
  std::string trust_root;                           // envelope JSON of the one that the token pins
  std::vector<std::string> later_trust_roots = {};  // those that followed it, oldest first
};
/// POST /v1/renew
struct RenewRequest {
  std::string request_pem;
};
struct RenewReply {
  std::string certificate_pem;
};
/// PUT /v1/models/{org}/{name}/versions/{version}: {"envelope": "<JSON text>", "metainfo": "<base64>"}
struct PublishRequest {
  std::string envelope;  // JSON text of the DSSE envelope
  std::string metainfo;  // raw bytes of the .torrent
};
/// GET /v1/models/{org}/{name}/versions/{version}, GET /v1/releases/{id}
struct ReleaseReply {
  ReleaseId id;
  std::string envelope;  // JSON text of the DSSE envelope
};
/// GET /v1/models/{org}/{name}/channels
struct ChannelRow {
  ChannelName channel;
  std::string envelope;
  std::string version;  // for showing; the signed release is what counts
};
struct VersionRow {
  VersionName version;
  ReleaseId id;
  ByteCount size = 0;
  WallTime created;
};
/// GET /v1/status
struct SwarmRow {
  ModelName model;
  VersionName version;
  ReleaseId id;
  std::uint32_t seeders = 0;
  std::uint32_t leechers = 0;
  VersionRef ref() const { return {model, version}; }
};
struct MachineRow {
  NodeId id;
  identity::Role role = identity::Role::node;
  std::string name;
  std::string site;
  WallTime certificate_until;
  std::optional<WallTime> revoked = {};     // since when the fleet refuses it
  std::optional<WallTime> held_twice = {};  // since when two are known to hold its key
};
struct FleetStatus {
  FleetName fleet;
  std::vector<SwarmRow> swarms;
  std::vector<MachineRow> machines;
};

/// What a node says of one channel that it follows, in PUT /v1/nodes/self.
struct SubscriptionReport {
  ModelName model;
  ChannelName channel;
  std::string phase;  // node::name(Phase): "fetching", "active", "failed", ...
  std::optional<ReleaseId> wanted;
  std::optional<ReleaseId> active;
  std::string wanted_version, active_version;
  std::string reason;  // why it failed or waits; empty otherwise
  ByteCount done = 0, size = 0;
  std::string stall;  // why nothing arrives for long: swarm::name(StallReason); empty otherwise, and from older nodes
  // These two are missing from older nodes.
  std::optional<WallTime> pointer_expires = {};      // of the pointer that the node has
  std::optional<manifest::SeenSequence> tried = {};  // of a failure: the pointer under which that try began

  ChannelRef ref() const { return {model, channel}; }
};
/// How fast one link brings a release.
struct LinkReport {
  NodeId peer;
  bool source = false;  // a seeder
  ByteCount rate = 0;   // bytes per second, received
  std::optional<std::chrono::microseconds> round_trip = {};
};
/// How one release comes, or came, to the machine. Missing from older nodes, and ignored by older trackers.
struct TransferReport {
  ReleaseId release;
  ByteCount done = 0, size = 0;
  ByteCount from_source = 0, from_peers = 0, from_mirrors = 0, reused = 0, sent = 0;
  ByteCount rate = 0;  // bytes per second, received
  std::uint32_t peers = 0;
  std::uint32_t percent_of_ideal = 0;
  std::optional<std::uint64_t> seconds_left = {};
  std::string stall = {};              // as in SubscriptionReport
  std::vector<LinkReport> links = {};  // the fastest
  bool complete() const { return size > 0 && done >= size; }
};
struct NodeReport {
  static constexpr std::size_t most_transfers = 16, most_links = 8;
  std::string software;  // "shoal 0.4.0"
  std::vector<SubscriptionReport> subscriptions;
  std::vector<TransferReport> transfers = {};
  ByteCount disk_free = 0, disk_size = 0;  // of the file system that holds the models; zeroes where unknown
  std::uint64_t run = 0;                   // drawn at the start of the process, which tells a copy of the machine; 0 from older nodes
};
/// The answer to a report. Older trackers say nothing, older nodes do not read it.
struct ReportReply {
  std::chrono::seconds again{30};  // when the tracker wants the next one while something is under way
};
/// GET /v1/nodes: every enrolled machine, and what it reported last. Reports are kept in memory; nodes say them again within a minute.
struct NodeRow {
  MachineRow machine;
  std::optional<WallTime> seen;  // when it reported last; none since the tracker started
  NodeReport report;
};
/// GET /v1/nodes?page=1 and then ?after=NEXT: as many of them as one answer has room for. Without a parameter: all of them, as earlier
/// clients ask.
struct NodePage {
  std::vector<NodeRow> nodes;
  NodeId next = {};  // the last of them, where more follow; else empty
};
/// What a row takes in an answer, roughly.
ByteCount weight(const NodeRow& row);
/// GET /v1/models/{org}/{name}/channels/{channel}/history, newest first
struct HistoryRow {
  std::string envelope;  // of the pointer
  std::string version;   // for showing
  NodeId who;            // the machine that sent it; empty where the tracker did not note it yet
  WallTime at;
  std::string name = {};  // of that machine, also where it was removed; empty from older trackers
};

/// GET /announce (BEP 3, with compact=0)
struct AnnounceRequest {
  InfoHash info_hash;
  std::string peer_id;  // 20 bytes
  std::uint16_t port = 0;
  std::string address = {};  // at which others reach this machine; empty: the one that the tracker sees
  ByteCount uploaded = 0, downloaded = 0, left = 0;
  std::string event;  // "started", "completed", "stopped" or empty
  int numwant = 50;
};
struct AnnouncedPeer {
  NodeId id;
  HostPort address;
};
struct AnnounceReply {
  std::chrono::seconds interval{60};
  std::vector<AnnouncedPeer> peers;  // those whose peer id names a machine; others are left out
  std::vector<NodeId> revoked;       // machines of the fleet whose certificates are good no more, though they have not ended
  std::string warning;
};

// GET and PUT /v1/models/{org}/{name}/channels/{channel}: the body is the pointer's envelope itself.
// PUT .../channels/{channel}/renewal: the same, for a pointer that says what the one in force says, one sequence above.
// GET /v1/releases/{id}/metainfo: the body is the raw .torrent.
// GET /v1/freshness?after=SERIAL&wait=SECONDS: the envelope of the newest statement; waits while its serial is SERIAL, 50 s at most.
// With &places=…, those of the shards in which they lie: registry/freshness_query.hpp.
// GET and PUT /v1/trust-roots/{version}: the envelope of a trust root.
// DELETE /v1/models/{org}/{name}/versions/{version}: the body is the envelope of a withdrawal.

// JSON forms: encode(x) and decode_x(text), strict about types, lenient about members of later versions.
std::string encode(const EnrolRequest& m);
std::string encode(const EnrolReply& m);
std::string encode(const RenewRequest& m);
std::string encode(const RenewReply& m);
std::string encode(const PublishRequest& m);
std::string encode(const ReleaseReply& m);
std::string encode(const std::vector<ChannelRow>& m);
std::string encode(const std::vector<VersionRow>& m);
std::string encode(const FleetStatus& m);
std::string encode(const NodeReport& m);  // texts for people are cut to their limits
std::string encode(const ReportReply& m);
std::string encode(const NodePage& m);
std::string encode(const std::vector<HistoryRow>& m);
Result<EnrolRequest> decode_enrol_request(std::string_view text);
Result<EnrolReply> decode_enrol_reply(std::string_view text);
Result<RenewRequest> decode_renew_request(std::string_view text);
Result<RenewReply> decode_renew_reply(std::string_view text);
Result<PublishRequest> decode_publish_request(std::string_view text);
Result<ReleaseReply> decode_release_reply(std::string_view text);
Result<std::vector<ChannelRow>> decode_channels(std::string_view text);
Result<std::vector<VersionRow>> decode_versions(std::string_view text);
Result<FleetStatus> decode_fleet_status(std::string_view text);
Result<NodeReport> decode_node_report(std::string_view text);
Result<ReportReply> decode_report_reply(std::string_view text);
Result<NodePage> decode_nodes(std::string_view text);
Result<std::vector<HistoryRow>> decode_history(std::string_view text);
/// "/announce?info_hash=..." with every parameter of BEP 3 and compact=0.
std::string announce_target(const AnnounceRequest& request);
/// The bencoded answer; `failure reason` becomes an Error. Only lists of dictionaries (compact=0) are read.
Result<AnnounceReply> decode_announce_reply(std::string_view bencoded);
/// What {"error":{"code","message"}} says, made printable. Codes that are the client's own business (interrupted, partial), and
/// bodies that are no such JSON, become `failed`; 403 without a body that can be read is `not_enrolled`, 503 `unreachable`.
Error decode_error(int status, std::string_view body);

}  // namespace shoal::registry
