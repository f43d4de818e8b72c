#include "tracker/catalog.hpp"

#include <algorithm>
#include <tuple>

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "tracker/housekeeping.hpp"

namespace shoal::tracker {
namespace {

constexpr std::int64_t history_rows = 200;
// Of a deletion, at least: pointers that are older than the history may end later than those in it.
constexpr std::chrono::days shortest_memory{100};

std::string title(const ModelName& model, const VersionName& version) { return VersionRef{model, version}.str(); }
std::string title(const ModelName& model, const ChannelName& channel) { return ChannelRef{model, channel}.str(); }

/// What is not even an envelope does not verify either.
Result<manifest::SignedEnvelope> decode_envelope(const std::string& json, ByteCount limit) {
  auto envelope = manifest::SignedEnvelope::decode(json, limit);
  if (!envelope.ok()) envelope.error().code = ErrorCode::verification;
  return envelope;
}

Status check_metainfo(const manifest::SwarmInfo& swarm, const std::string& metainfo) {
  if (metainfo.size() != swarm.metainfo_size)
    return fail(ErrorCode::verification,
                "the metainfo has " + std::to_string(metainfo.size()) + " bytes, the release says " + std::to_string(swarm.metainfo_size));
  if (crypto::sha256(metainfo) != swarm.metainfo_sha256)
    return fail(ErrorCode::verification, "the metainfo is not the one that the release was signed with");
  return {};
}

ReleaseRecord record_of(const manifest::VerifiedRelease& release) {
  return {release.id(), release->model, release->version, release->swarm.info_hash, release->total_size(), release->created};
}

Error withdrawn_error(const ReleaseRecord& record, ErrorCode code, const std::string& advice = "") {
  const std::string unsigned_note = record.withdrawal_signed ? "" : std::string(registry::unsigned_words);
  return fail(code, title(record.model, record.version) + " " + std::string(registry::withdrawn_words) + ": " + record.withdrawn_reason +
                        unsigned_note + advice);
}

/// Whether the release is new; an error where its version is taken or was withdrawn.
Result<bool> is_new(Session& session, const ReleaseRecord& record) {
  SHOAL_TRY(auto same, find_release(session, record.id));
  if (same && same->is_withdrawn() && same->withdrawal_signed)
    return withdrawn_error(*same, ErrorCode::conflict, " (a version that was withdrawn does not come back: publish it under another one)");
  if (same) {
    // What was withdrawn without a signature, as earlier versions let any seeder do, is the publishers' to bring back.
    if (same->is_withdrawn()) SHOAL_CHECK(clear_withdrawn(session, same->id));
    return false;
  }
  SHOAL_TRY(auto taken, find_release(session, record.model, record.version));
  if (!taken) return true;
  if (taken->is_withdrawn() && !taken->withdrawal_signed) {
    SHOAL_CHECK(set_version_aside(session, taken->id));
    return true;
  }
  return fail(ErrorCode::conflict, title(record.model, record.version) + " is published already with other content (release " +
                                       taken->id.hex() + "): give this one another version");
}

Status check_rises(const ChannelRecord& next, const ChannelRecord& stored) {
  if (stored.seen < next.seen) return {};
  return fail(ErrorCode::conflict, title(next.model, next.channel) + " is at sequence " + std::to_string(stored.seen.sequence) +
                                       " of epoch " + std::to_string(stored.seen.epoch) +
                                       " already: sign a pointer with a higher sequence");
}

Error no_such_channel(const ModelName& model, const ChannelName& channel, bool deleted) {
  return fail(ErrorCode::not_found,
              "channel " + title(model, channel) + (deleted ? " was deleted by the model's publishers" : " does not exist in this fleet"));
}

/// `next` is above the deletion, if there is one.
Status check_not_deleted(Session& session, const ChannelRecord& next) {
  SHOAL_TRY(auto deleted, find_deletion(session, next.model, next.channel));
  if (!deleted || deleted->seen < next.seen) return {};
  return fail(ErrorCode::conflict, title(next.model, next.channel) + " was deleted with sequence " +
                                       std::to_string(deleted->seen.sequence) + " of epoch " + std::to_string(deleted->seen.epoch) +
                                       ": sign a pointer with a higher sequence");
}

Status check_target(Session& session, const ChannelRecord& next) {
  SHOAL_TRY(auto release, find_release(session, next.release));
  if (release && release->is_withdrawn()) return withdrawn_error(*release, ErrorCode::not_found);
  if (release && release->model == next.model) return {};
  return fail(ErrorCode::not_found, "release " + next.release.hex() + ", to which " + title(next.model, next.channel) +
                                        " would point, is not registered for this model: publish it first");
}

Result<manifest::ChannelPointer> stored_pointer(const ChannelRecord& record) {
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(record.envelope, manifest::channel_limit));
  return manifest::decode_channel_pointer(envelope.payload);
}

/// When no pointer that the channel ever had is good any more, as far as its history goes back; not before `least`.
Result<WallTime> end_of_pointers(Session& session, const ModelName& model, const ChannelName& channel, WallTime least) {
  SHOAL_TRY(auto rows, history_of(session, model, channel, most_history));
  WallTime last = least;
  for (const registry::HistoryRow& row : rows) {
    auto envelope = manifest::SignedEnvelope::decode(row.envelope, manifest::channel_limit);
    auto pointer = envelope.ok() ? manifest::decode_channel_pointer(envelope->payload) : std::move(envelope).error();
    if (pointer.ok()) last = std::max(last, pointer->expires);
  }
  return last;
}

/// A renewal says what the pointer in force says, one sequence above it, for at least as long: whoever moved the channel meanwhile has won.
Status check_renews(const manifest::ChannelPointer& next, const manifest::ChannelPointer& in_force) {
  manifest::ChannelPointer expected = in_force;
  expected.sequence = in_force.sequence + 1;
  expected.issued = next.issued;
  expected.expires = std::max(next.expires, in_force.expires);
  if (next == expected) return {};
  return fail(ErrorCode::conflict, title(next.model, next.channel) + " is at sequence " + std::to_string(in_force.sequence) + " of epoch " +
                                       std::to_string(in_force.epoch) +
                                       ", and this is no renewal of it: somebody else moved or renewed the channel meanwhile");
}

/// No channel may lead to what is withdrawn, nor may the rollout of one fall back on it.
Status check_unused(Session& session, const ReleaseRecord& release) {
  SHOAL_TRY(auto channels, all_channels(session));
  for (const ChannelRecord& channel : channels) {
    if (channel.model != release.model) continue;
    SHOAL_TRY(auto pointer, stored_pointer(channel));
    bool falls_back = pointer.rollout && pointer.rollout->otherwise == release.id;
    if (channel.release != release.id && !falls_back) continue;
    return fail(ErrorCode::conflict, "channel " + title(channel.model, channel.channel) + (falls_back ? " falls back on " : " points to ") +
                                         title(release.model, release.version) +
                                         ": move it first ('shoal channel rollback' or 'shoal channel set')");
  }
  return {};
}

Result<ChannelStanding> standing_of(const ChannelRecord& record) {
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(record.envelope, manifest::channel_limit));
  SHOAL_TRY(auto pointer, manifest::decode_channel_pointer(envelope.payload));
  ChannelStanding standing;
  standing.state = {record.model, record.channel, record.seen.epoch, record.seen.sequence, crypto::sha256(envelope.payload), record.halted};
  standing.place = manifest::place_of(record.model, record.channel);
  standing.release = record.release;
  standing.expires = pointer.expires;
  standing.judged_from = record.judged_from;
  standing.judged_since = record.judged_since;
  if (!pointer.rollout) return standing;
  standing.halt_percent = pointer.rollout->halt_percent;
  standing.percent = pointer.rollout->percent;
  standing.salt = pointer.rollout->salt;
  return standing;
}

/// The same payload again: a repeated request. Its signatures may differ, since ECDSA is randomised.
bool same_payload(const std::string& stored, const manifest::SignedEnvelope& next) {
  auto decoded = manifest::SignedEnvelope::decode(stored, manifest::channel_limit);
  return decoded.ok() && decoded->payload == next.payload;
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(Database& database, VerifierSource verifier, const Clock& clock, ChannelQuotas quotas) {
  std::unique_ptr<Catalog> catalog(new Catalog(database, std::move(verifier), clock, quotas));
  SHOAL_CHECK(catalog->remember_torrents());
  return catalog;
}

Status Catalog::remember_torrents() {
  SHOAL_TRY(auto releases, database_.read([](Session& session) { return all_releases(session); }));
  std::unordered_set<InfoHash> torrents;
  std::unordered_map<InfoHash, std::string> withdrawn;
  for (const ReleaseRecord& release : releases) {
    if (release.is_withdrawn()) withdrawn[release.info_hash] = withdrawn_error(release, ErrorCode::not_found).message;
    else torrents.insert(release.info_hash);
  }
  *withdrawn_.lock() = std::move(withdrawn);
  *torrents_.lock() = std::move(torrents);
  return {};
}

Status Catalog::publish(const ModelName& model, const VersionName& version, const registry::PublishRequest& request,
                        const NodeId& publisher) {
  SHOAL_TRY(auto envelope, decode_envelope(request.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, verifier_()->release(envelope, model));
  if (release->version != version)
    return fail(ErrorCode::verification, "the release is for version " + release->version.str() + ", not for " + title(model, version));
  SHOAL_CHECK(check_metainfo(release->swarm, request.metainfo).within(title(model, version)));
  ReleaseRecord record = record_of(release);
  Result<bool> added = database_.write([&](Session& session) -> Result<bool> {
    SHOAL_TRY(bool fresh, is_new(session, record));
    if (fresh) SHOAL_CHECK(insert_release(session, {record, request.envelope, request.metainfo, publisher.str(), clock_.now()}));
    return fresh;
  });
  SHOAL_CHECK(added);
  if (*added) torrents_.lock()->insert(record.info_hash);
  else SHOAL_CHECK(remember_torrents());
  if (*added) log::info("release_published", {{"version", title(model, version)}, {"release", record.id.hex()}, {"by", publisher.str()}});
  return {};
}

Result<registry::ReleaseReply> Catalog::reply_for(Session& session, const std::optional<ReleaseRecord>& found, const std::string& what) {
  if (!found) return fail(ErrorCode::not_found, what + " is not registered in this fleet");
  if (found->is_withdrawn()) return withdrawn_error(*found, ErrorCode::not_found);
  SHOAL_TRY(std::string envelope, envelope_of(session, found->id));
  return registry::ReleaseReply{found->id, std::move(envelope)};
}

Result<registry::ReleaseReply> Catalog::release(const ModelName& model, const VersionName& version) {
  return database_.read([&](Session& session) -> Result<registry::ReleaseReply> {
    SHOAL_TRY(auto found, find_release(session, model, version));
    return reply_for(session, found, title(model, version));
  });
}

Result<registry::ReleaseReply> Catalog::release(const ReleaseId& id) {
  return database_.read([&](Session& session) -> Result<registry::ReleaseReply> {
    SHOAL_TRY(auto found, find_release(session, id));
    return reply_for(session, found, "release " + id.hex());
  });
}

Result<SharedBody> Catalog::metainfo(const ReleaseId& id) {
  SHOAL_TRY(ByteCount size, database_.read([&](Session& session) -> Result<ByteCount> {
    SHOAL_TRY(auto release, find_release(session, id));
    if (release && release->is_withdrawn()) return withdrawn_error(*release, ErrorCode::not_found);
    if (!release) return fail(ErrorCode::not_found, "release " + id.hex() + " is not registered in this fleet");
    return metainfo_size_of(session, id);
  }));
  return metainfos_.get(id, size, [&] { return database_.read([&](Session& session) { return metainfo_of(session, id); }); });
}

Result<std::vector<registry::VersionRow>> Catalog::versions(const ModelName& model) {
  SHOAL_TRY(auto releases, database_.read([&](Session& session) { return releases_of(session, model); }));
  std::vector<registry::VersionRow> rows;
  for (const ReleaseRecord& release : releases)
    if (!release.is_withdrawn()) rows.push_back({release.version, release.id, release.size, release.created});
  return rows;
}

Result<std::vector<ReleaseRecord>> Catalog::releases() {
  SHOAL_TRY(auto releases, database_.read([](Session& session) { return all_releases(session); }));
  std::erase_if(releases, [](const ReleaseRecord& release) { return release.is_withdrawn(); });
  return releases;
}

Catalog::Counts Catalog::count() {
  Counts counts;
  auto releases = database_.read([](Session& session) { return all_releases(session); });
  auto channels = database_.read([](Session& session) { return all_channels(session); });
  if (!releases.ok() || !channels.ok()) return counts;
  for (const ReleaseRecord& release : *releases) ++(release.is_withdrawn() ? counts.withdrawn : counts.registered);
  counts.channels = channels->size();
  return counts;
}

Status Catalog::withdraw(const ModelName& model, const VersionName& version, const std::string& envelope_json, const NodeId& who) {
  auto envelope = manifest::SignedEnvelope::decode(envelope_json, manifest::withdrawal_limit);
  if (!envelope.ok())
    return fail(ErrorCode::verification,
                "a withdrawal is signed by the model's publishers: 'shoal release withdraw --key FILE', in a version "
                "of shoal that signs it");
  SHOAL_TRY(auto withdrawal, verifier_()->withdrawal(*envelope, model, version));
  SHOAL_CHECK(database_.write([&](Session& session) -> Status {
    SHOAL_TRY(auto release, find_release(session, model, version));
    if (!release) return fail(ErrorCode::not_found, title(model, version) + " is not registered in this fleet");
    if (release->id != withdrawal.release)
      return fail(ErrorCode::verification,
                  title(model, version) + " is release " + release->id.hex() + ", and the withdrawal is for " + withdrawal.release.hex());
    if (release->is_withdrawn() && release->withdrawal_signed) return {};
    SHOAL_CHECK(check_unused(session, *release));
    return mark_withdrawn(session, release->id, withdrawal.reason, envelope_json, clock_.now());
  }));
  log::info("release_withdrawn", {{"version", title(model, version)}, {"by", who.str()}, {"reason", withdrawal.reason}});
  return remember_torrents();
}

Status Catalog::set_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope_json, const NodeId& who) {
  SHOAL_TRY(auto envelope, decode_envelope(envelope_json, manifest::channel_limit));
  // Held against what is stored below: a pointer that is merely late is a conflict, not a forgery.
  SHOAL_TRY(auto pointer, verifier_()->channel(envelope, model, channel, {}, clock_.now()));
  ChannelRecord next{model, channel, {pointer->epoch, pointer->sequence}, pointer->release, envelope_json};
  Result<bool> moved = database_.write([&](Session& session) -> Result<bool> {
    SHOAL_TRY(auto stored, find_channel(session, model, channel));
    if (stored && same_payload(stored->envelope, envelope)) return false;
    if (stored) SHOAL_CHECK(check_rises(next, *stored));
    else SHOAL_CHECK(check_quotas(session, model, channel));
    SHOAL_CHECK(check_not_deleted(session, next));
    SHOAL_CHECK(check_target(session, next));
    SHOAL_CHECK(forget_deletion(session, model, channel));
    SHOAL_CHECK(put_channel(session, next, who, clock_.now()));
    return true;
  });
  SHOAL_CHECK(moved);
  if (*moved)
    log::info("channel_moved",
              {{"channel", title(model, channel)}, {"release", next.release.hex()}, {"sequence", next.seen.sequence}, {"by", who.str()}});
  return {};
}

Status Catalog::renew_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope_json, const NodeId& who) {
  SHOAL_TRY(auto envelope, decode_envelope(envelope_json, manifest::channel_limit));
  SHOAL_TRY(auto pointer, verifier_()->channel(envelope, model, channel, {}, clock_.now()));
  ChannelRecord next{model, channel, {pointer->epoch, pointer->sequence}, pointer->release, envelope_json};
  Result<bool> renewed = database_.write([&](Session& session) -> Result<bool> {
    SHOAL_TRY(auto stored, find_channel(session, model, channel));
    SHOAL_TRY(auto deleted, find_deletion(session, model, channel));
    if (!stored) return no_such_channel(model, channel, deleted.has_value());
    if (same_payload(stored->envelope, envelope)) return false;
    SHOAL_TRY(auto in_force, stored_pointer(*stored));
    SHOAL_CHECK(check_renews(*pointer, in_force));
    SHOAL_CHECK(check_target(session, next));
    SHOAL_CHECK(prolong_channel(session, next, who, clock_.now()));
    return true;
  });
  SHOAL_CHECK(renewed);
  if (*renewed)
    log::info("channel_renewed", {{"channel", title(model, channel)},
                                  {"sequence", next.seen.sequence},
                                  {"expires", format_time(pointer->expires)},
                                  {"by", who.str()}});
  return {};
}

Status Catalog::delete_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope_json, const NodeId& who) {
  SHOAL_TRY(auto envelope, decode_envelope(envelope_json, manifest::deletion_limit));
  SHOAL_TRY(auto deletion, verifier_()->deletion(envelope, model, channel));
  const manifest::SeenSequence at{deletion.epoch, deletion.sequence};
  SHOAL_TRY(bool gone, database_.write([&](Session& session) -> Result<bool> {
    SHOAL_TRY(auto stored, find_channel(session, model, channel));
    SHOAL_TRY(auto before, find_deletion(session, model, channel));
    if (!stored && before && before->seen == at) return false;
    if (!stored) return no_such_channel(model, channel, before.has_value());
    SHOAL_CHECK(check_rises({model, channel, at, stored->release, {}}, *stored));
    SHOAL_TRY(std::size_t kept, deletions_of(session, model));
    if (kept >= quotas_.per_model)
      return fail(ErrorCode::conflict, "the tracker remembers " + std::to_string(kept) + " deleted channels of " + model.str() +
                                           ", as many as it takes (--channels-per-model): each until its last pointer has expired");
    SHOAL_TRY(WallTime until, end_of_pointers(session, model, channel, clock_.now() + shortest_memory));
    SHOAL_CHECK(replace_by_deletion(session, {model, channel, at, envelope_json, until}));
    return true;
  }));
  if (gone)
    log::info("channel_deleted",
              {{"channel", title(model, channel)}, {"sequence", at.sequence}, {"by", who.str()}, {"reason", deletion.reason}});
  return {};
}

Result<std::string> Catalog::deletion(const ModelName& model, const ChannelName& channel) {
  SHOAL_TRY(auto found, database_.read([&](Session& session) { return find_deletion(session, model, channel); }));
  if (!found) return fail(ErrorCode::not_found, "no deletion of " + title(model, channel) + " is known");
  return std::move(found->envelope);
}

Result<std::string> Catalog::channel(const ModelName& model, const ChannelName& channel) {
  return database_.read([&](Session& session) -> Result<std::string> {
    SHOAL_TRY(auto found, find_channel(session, model, channel));
    SHOAL_TRY(auto deleted, find_deletion(session, model, channel));
    if (!found) return no_such_channel(model, channel, deleted.has_value());
    return std::move(found->envelope);
  });
}

Result<std::vector<registry::ChannelRow>> Catalog::channels(const ModelName& model) {
  return database_.read([&](Session& session) { return channels_of(session, model); });
}

Result<std::vector<registry::HistoryRow>> Catalog::history(const ModelName& model, const ChannelName& channel) {
  return database_.read([&](Session& session) -> Result<std::vector<registry::HistoryRow>> {
    SHOAL_TRY(auto rows, history_of(session, model, channel, history_rows));
    if (rows.empty()) return fail(ErrorCode::not_found, "channel " + title(model, channel) + " does not exist in this fleet");
    return rows;
  });
}

/// From memory, unless its pointer is another one than there.
Result<ChannelStanding> Catalog::standing_of(Session& session, const ChannelBrief& brief) {
  const std::string name = title(brief.model, brief.channel);
  auto known = standings_.with([&](const auto& standings) -> std::optional<ChannelStanding> {
    auto found = standings.find(name);
    return found == standings.end() ? std::nullopt : std::optional(found->second);
  });
  if (!known || manifest::SeenSequence{known->state.epoch, known->state.sequence} != brief.seen) {
    SHOAL_TRY(auto record, find_channel(session, brief.model, brief.channel));
    if (!record) return fail("the tracker's database has channel " + name + " in an index alone");
    SHOAL_TRY(known, tracker::standing_of(*record).within("channel " + name));
  }
  known->state.halted = brief.halted;
  known->judged_from = brief.judged_from;
  known->judged_since = brief.judged_since;
  return std::move(*known);
}

Result<Standings> Catalog::standings() {
  SHOAL_TRY(auto found, database_.read([&](Session& session) -> Result<std::vector<ChannelStanding>> {
    SHOAL_TRY(auto briefs, channels_by_age(session));
    std::vector<ChannelStanding> standings;
    standings.reserve(briefs.size());
    for (const ChannelBrief& brief : briefs) {
      SHOAL_TRY(ChannelStanding standing, standing_of(session, brief));
      standings.push_back(std::move(standing));
    }
    return standings;
  }));
  std::unordered_map<std::string, ChannelStanding> known;
  known.reserve(found.size());
  for (const ChannelStanding& standing : found) known.emplace(title(standing.state.model, standing.state.channel), standing);
  *standings_.lock() = std::move(known);
  return allot(std::move(found), quotas_.listed);
}

/// Only for a channel that does not exist yet: those that do are never refused.
Status Catalog::check_quotas(Session& session, const ModelName& model, const ChannelName& channel) const {
  SHOAL_TRY(auto models, channels_by_model(session));
  auto verifier = verifier_();
  const manifest::PublisherRule* rule = verifier->root().rule_for(model);
  std::size_t of_publisher = 0;
  ByteCount listed = listed_bytes(model, channel);
  for (const ModelChannels& each : models) {
    if (each.model == model && each.channels >= quotas_.per_model)
      return fail(ErrorCode::conflict, "model " + model.str() + " has " + std::to_string(each.channels) +
                                           " channels, as many as the tracker takes for one (--channels-per-model)");
    const manifest::PublisherRule* theirs = verifier->root().rule_for(each.model);
    if (rule != nullptr && theirs != nullptr && theirs->keys == rule->keys) of_publisher += each.channels;
    listed += each.channels * listed_bytes(each.model, {}) + each.name_bytes;
  }
  if (of_publisher >= quotas_.per_publisher)
    return fail(ErrorCode::conflict, "the publishers of " + model.str() + " have " + std::to_string(of_publisher) +
                                         " channels, as many as the tracker takes for one (--channels-per-publisher)");
  return check_room(session, {model, channel, listed});
}

/// Where one statement is not enough for all, the one of the channel's shard counts.
Status Catalog::check_room(Session& session, const Newcomer& next) const {
  const std::uint32_t shards = shard_count(next.total, quotas_.listed);
  ByteCount listed = listed_bytes(next.model, next.channel);
  if (shards > 1) {
    const manifest::Shard shard = manifest::shard_of(manifest::place_of(next.model, next.channel), shards);
    SHOAL_TRY(auto channels, channels_by_age(session));
    for (const ChannelBrief& each : channels)
      if (shard.holds(manifest::place_of(each.model, each.channel))) listed += listed_bytes(each.model, each.channel);
  }
  if (listed <= quotas_.listed) return {};
  return fail(ErrorCode::conflict, "the freshness statement that would list " + title(next.model, next.channel) + " is full (" +
                                       format_bytes(quotas_.listed) +
                                       "), and no node would be told of it: choose another name for the channel");
}

Status Catalog::halt(const ChannelStanding& standing) {
  const manifest::ChannelState& at = standing.state;
  SHOAL_TRY(bool halted, database_.write([&](Session& session) {
    return mark_halted(session, at.model, at.channel, {at.epoch, at.sequence});
  }));
  if (halted)
    log::warn("rollout_halted", {{"channel", title(at.model, at.channel)}, {"release", standing.release.hex()}, {"sequence", at.sequence}});
  return {};
}

std::string Catalog::withdrawn(const InfoHash& info_hash) const {
  return withdrawn_.with([&](const auto& reasons) {
    auto found = reasons.find(info_hash);
    return found == reasons.end() ? std::string() : found->second;
  });
}

bool Catalog::knows(const InfoHash& info_hash) const {
  return torrents_.with([&](const auto& torrents) { return torrents.contains(info_hash); });
}

}  // namespace shoal::tracker
