#include "tracker/catalog.hpp"

#include "base/log.hpp"
#include "crypto/digest.hpp"

namespace shoal::tracker {
namespace {

std::string title(const ModelName& model, const VersionName& version) { return model.str() + "@" + version.str(); }
std::string title(const ModelName& model, const ChannelName& channel) { return model.str() + ":" + channel.str(); }

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

/// Whether the release is new; an error where its version is taken.
Result<bool> is_new(Session& session, const ReleaseRecord& record) {
  SHOAL_TRY(auto same, find_release(session, record.id));
  if (same) return false;
  SHOAL_TRY(auto taken, find_release(session, record.model, record.version));
  if (!taken) return true;
  return fail(ErrorCode::conflict, title(record.model, record.version) + " is published already with other content (release " +
                                       taken->id.hex() + "): give this one another version");
}

Status check_rises(const ChannelRecord& next, const ChannelRecord& stored) {
  if (stored.seen < next.seen) return {};
  return fail(ErrorCode::conflict, title(next.model, next.channel) + " is at sequence " + std::to_string(stored.seen.sequence) +
                                       " of epoch " + std::to_string(stored.seen.epoch) +
                                       " already: sign a pointer with a higher sequence");
}

Status check_target(Session& session, const ChannelRecord& next) {
  SHOAL_TRY(auto release, find_release(session, next.release));
  if (release && release->model == next.model) return {};
  return fail(ErrorCode::not_found, "release " + next.release.hex() + ", to which " + title(next.model, next.channel) +
                                        " would point, is not registered for this model: publish it first");
}

/// The same payload again: a repeated request. Its signatures may differ, since ECDSA is randomised.
bool same_payload(const std::string& stored, const manifest::SignedEnvelope& next) {
  auto decoded = manifest::SignedEnvelope::decode(stored, manifest::channel_limit);
  return decoded.ok() && decoded->payload == next.payload;
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(Database& database, manifest::Verifier verifier, const Clock& clock) {
  std::unique_ptr<Catalog> catalog(new Catalog(database, std::move(verifier), clock));
  SHOAL_TRY(auto releases, catalog->releases());
  auto torrents = catalog->torrents_.lock();
  for (const ReleaseRecord& release : releases) torrents->insert(release.info_hash);
  return catalog;
}

Status Catalog::publish(const ModelName& model, const VersionName& version, const registry::PublishRequest& request,
                        const NodeId& publisher) {
  SHOAL_TRY(auto envelope, decode_envelope(request.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, verifier_.release(envelope, model));
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
  torrents_.lock()->insert(record.info_hash);
  if (*added) log::info("published", {{"release", title(model, version)}, {"id", record.id.hex()}, {"by", publisher.str()}});
  return {};
}

Result<registry::ReleaseReply> Catalog::reply_for(Session& session, const std::optional<ReleaseRecord>& found, const std::string& what) {
  if (!found) return fail(ErrorCode::not_found, what + " is not registered in this fleet");
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

Result<std::string> Catalog::metainfo(const ReleaseId& id) {
  SHOAL_TRY(auto found, database_.read([&](Session& session) { return metainfo_of(session, id); }));
  if (!found) return fail(ErrorCode::not_found, "release " + id.hex() + " is not registered in this fleet");
  return std::move(*found);
}

Result<std::vector<registry::VersionRow>> Catalog::versions(const ModelName& model) {
  SHOAL_TRY(auto releases, database_.read([&](Session& session) { return releases_of(session, model); }));
  std::vector<registry::VersionRow> rows;
  for (const ReleaseRecord& release : releases) rows.push_back({release.version, release.id, release.size, release.created});
  return rows;
}

Result<std::vector<ReleaseRecord>> Catalog::releases() {
  return database_.read([](Session& session) { return all_releases(session); });
}

Status Catalog::set_channel(const ModelName& model, const ChannelName& channel, const std::string& envelope_json) {
  SHOAL_TRY(auto envelope, decode_envelope(envelope_json, manifest::channel_limit));
  // Held against what is stored below: a pointer that is merely late is a conflict, not a forgery.
  SHOAL_TRY(auto pointer, verifier_.channel(envelope, model, channel, {}, clock_.now()));
  ChannelRecord next{model, channel, {pointer->epoch, pointer->sequence}, pointer->release, envelope_json};
  Result<bool> moved = database_.write([&](Session& session) -> Result<bool> {
    SHOAL_TRY(auto stored, find_channel(session, model, channel));
    if (stored && same_payload(stored->envelope, envelope)) return false;
    if (stored) SHOAL_CHECK(check_rises(next, *stored));
    SHOAL_CHECK(check_target(session, next));
    SHOAL_CHECK(put_channel(session, next, clock_.now()));
    return true;
  });
  SHOAL_CHECK(moved);
  if (*moved)
    log::info("channel_moved", {{"channel", title(model, channel)}, {"release", next.release.hex()}, {"sequence", next.seen.sequence}});
  return {};
}

Result<std::string> Catalog::channel(const ModelName& model, const ChannelName& channel) {
  SHOAL_TRY(auto found, database_.read([&](Session& session) { return find_channel(session, model, channel); }));
  if (!found) return fail(ErrorCode::not_found, "channel " + title(model, channel) + " does not exist in this fleet");
  return std::move(found->envelope);
}

Result<std::vector<registry::ChannelRow>> Catalog::channels(const ModelName& model) {
  return database_.read([&](Session& session) { return channels_of(session, model); });
}

bool Catalog::knows(const InfoHash& info_hash) const {
  return torrents_.with([&](const auto& torrents) { return torrents.contains(info_hash); });
}

}  // namespace shoal::tracker
