#include "tracker/catalog_records.hpp"

#include "tracker/housekeeping.hpp"

namespace shoal::tracker {
namespace {

std::int64_t seconds(WallTime time) { return time.time_since_epoch().count(); }
WallTime time_of(std::int64_t value) { return WallTime(std::chrono::seconds(value)); }

/// From: id, model, version, info_hash, size, created, withdrawn, withdrawn_reason, length(withdrawal).
Result<ReleaseRecord> release_of(const Row& row) {
  SHOAL_TRY(ReleaseId id, ReleaseId::from_raw(row.text(0)));
  SHOAL_TRY(InfoHash info_hash, InfoHash::from_raw(row.text(3)));
  return ReleaseRecord{id,
                       ModelName::trusted(row.text(1)),
                       VersionName::trusted(row.text(2)),
                       info_hash,
                       static_cast<ByteCount>(row.number(4)),
                       time_of(row.number(5)),
                       time_of(row.number(6)),
                       row.text(7),
                       row.number(8) != 0};
}

/// From: model, channel, epoch, sequence, release, envelope, halted, judged_from, judged_since.
Result<ChannelRecord> channel_of(const Row& row) {
  SHOAL_TRY(ReleaseId release, ReleaseId::from_raw(row.text(4)));
  manifest::SeenSequence seen{static_cast<std::uint64_t>(row.number(2)), static_cast<std::uint64_t>(row.number(3))};
  return ChannelRecord{ModelName::trusted(row.text(0)),
                       ChannelName::trusted(row.text(1)),
                       seen,
                       release,
                       row.text(5),
                       row.number(6) != 0,
                       static_cast<std::uint64_t>(row.number(7)),
                       time_of(row.number(8))};
}

Result<std::vector<ReleaseRecord>> releases_of(const std::vector<Row>& rows) {
  std::vector<ReleaseRecord> releases;
  for (const Row& row : rows) {
    SHOAL_TRY(ReleaseRecord release, release_of(row));
    releases.push_back(std::move(release));
  }
  return releases;
}

Result<std::optional<ReleaseRecord>> first_of(const std::vector<Row>& rows) {
  if (rows.empty()) return std::optional<ReleaseRecord>();
  SHOAL_TRY(ReleaseRecord release, release_of(rows.front()));
  return std::optional(std::move(release));
}

}  // namespace

Status insert_release(Session& session, const NewRelease& release) {
  const ReleaseRecord& record = release.record;
  SHOAL_CHECK(
      session.run("INSERT INTO releases(id, model, version, info_hash, size, created, published, publisher, envelope, metainfo) "
                  "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  {Value::blob(record.id.view()), record.model.str(), record.version.str(), Value::blob(record.info_hash.view()),
                   static_cast<std::int64_t>(record.size), seconds(record.created), seconds(release.now), release.publisher,
                   Value::blob(release.envelope), Value::blob(release.metainfo)}));
  return {};
}

Result<std::optional<ReleaseRecord>> find_release(Session& session, const ReleaseId& id) {
  SHOAL_TRY(
      auto rows,
      session.run(
          "SELECT id, model, version, info_hash, size, created, withdrawn, withdrawn_reason, length(withdrawal) FROM releases WHERE id = ?",
          {Value::blob(id.view())}));
  return first_of(rows);
}

Result<std::optional<ReleaseRecord>> find_release(Session& session, const ModelName& model, const VersionName& version) {
  SHOAL_TRY(auto rows, session.run("SELECT id, model, version, info_hash, size, created, withdrawn, withdrawn_reason, length(withdrawal) "
                                   "FROM releases WHERE model = ? AND version = ?",
                                   {model.str(), version.str()}));
  return first_of(rows);
}

Result<std::vector<ReleaseRecord>> all_releases(Session& session) {
  SHOAL_TRY(auto rows, session.run("SELECT id, model, version, info_hash, size, created, withdrawn, withdrawn_reason, length(withdrawal) "
                                   "FROM releases ORDER BY rowid"));
  return releases_of(rows);
}

Result<std::vector<ReleaseRecord>> releases_of(Session& session, const ModelName& model) {
  SHOAL_TRY(auto rows, session.run("SELECT id, model, version, info_hash, size, created, withdrawn, withdrawn_reason, length(withdrawal) "
                                   "FROM releases WHERE model = ? ORDER BY rowid",
                                   {model.str()}));
  return releases_of(rows);
}

Result<std::string> envelope_of(Session& session, const ReleaseId& id) {
  SHOAL_TRY(auto rows, session.run("SELECT envelope FROM releases WHERE id = ?", {Value::blob(id.view())}));
  if (rows.empty()) return fail(ErrorCode::not_found, "release " + id.hex() + " is not registered");
  return rows.front().text(0);
}

Result<ByteCount> metainfo_size_of(Session& session, const ReleaseId& id) {
  SHOAL_TRY(auto rows, session.run("SELECT length(metainfo) FROM releases WHERE id = ?", {Value::blob(id.view())}));
  if (rows.empty()) return fail(ErrorCode::not_found, "release " + id.hex() + " is not registered in this fleet");
  return static_cast<ByteCount>(rows.front().number(0));
}

Result<std::string> metainfo_of(Session& session, const ReleaseId& id) {
  SHOAL_TRY(auto rows, session.run("SELECT metainfo FROM releases WHERE id = ?", {Value::blob(id.view())}));
  if (rows.empty()) return fail(ErrorCode::not_found, "release " + id.hex() + " is not registered in this fleet");
  return rows.front().text(0);
}

Status mark_withdrawn(Session& session, const ReleaseId& id, const std::string& reason, const std::string& envelope, WallTime now) {
  SHOAL_CHECK(session.run("UPDATE releases SET withdrawn = ?, withdrawn_reason = ?, withdrawal = ? WHERE id = ?",
                          {seconds(now), reason, Value::blob(envelope), Value::blob(id.view())}));
  return {};
}

Status clear_withdrawn(Session& session, const ReleaseId& id) {
  SHOAL_CHECK(session.run("UPDATE releases SET withdrawn = 0, withdrawn_reason = '' WHERE id = ?", {Value::blob(id.view())}));
  return {};
}

Status set_version_aside(Session& session, const ReleaseId& id) {
  SHOAL_CHECK(session.run("UPDATE releases SET version = version || '+withdrawn.' || lower(hex(substr(id, 1, 4))) WHERE id = ?",
                          {Value::blob(id.view())}));
  return {};
}

namespace {

Status note_in_history(Session& session, const ChannelRecord& record, const NodeId& who, WallTime now) {
  SHOAL_CHECK(session.run("INSERT INTO channel_history(model, channel, release, envelope, who, at) VALUES(?, ?, ?, ?, ?, ?)",
                          {record.model.str(), record.channel.str(), Value::blob(record.release.view()), Value::blob(record.envelope),
                           who.str(), seconds(now)}));
  SHOAL_CHECK(
      session.run("DELETE FROM channel_history WHERE model = ?1 AND channel = ?2 AND id <= "
                  "(SELECT id FROM channel_history WHERE model = ?1 AND channel = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
                  {record.model.str(), record.channel.str(), most_history}));
  return {};
}

}  // namespace

Status put_channel(Session& session, const ChannelRecord& record, const NodeId& who, WallTime now) {
  // `halted` starts afresh with each pointer; `made` stays.
  SHOAL_CHECK(session.run(
      "INSERT INTO channels(model, channel, epoch, sequence, release, envelope, updated, judged_from, judged_since, made) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?4, ?7, (SELECT coalesce(max(id), 0) + 1 FROM channel_history)) "
      "ON CONFLICT(model, channel) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, release = excluded.release, "
      "envelope = excluded.envelope, updated = excluded.updated, judged_from = excluded.judged_from, judged_since = excluded.judged_since, "
      "halted = 0",
      {record.model.str(), record.channel.str(), static_cast<std::int64_t>(record.seen.epoch),
       static_cast<std::int64_t>(record.seen.sequence), Value::blob(record.release.view()), Value::blob(record.envelope), seconds(now)}));
  return note_in_history(session, record, who, now);
}

Status prolong_channel(Session& session, const ChannelRecord& record, const NodeId& who, WallTime now) {
  SHOAL_CHECK(session.run("UPDATE channels SET sequence = ?, envelope = ?, updated = ? WHERE model = ? AND channel = ?",
                          {static_cast<std::int64_t>(record.seen.sequence), Value::blob(record.envelope), seconds(now), record.model.str(),
                           record.channel.str()}));
  return note_in_history(session, record, who, now);
}

Result<bool> mark_halted(Session& session, const ModelName& model, const ChannelName& channel, const manifest::SeenSequence& seen) {
  SHOAL_CHECK(session.run("UPDATE channels SET halted = 1 WHERE model = ? AND channel = ? AND epoch = ? AND sequence = ?",
                          {model.str(), channel.str(), static_cast<std::int64_t>(seen.epoch), static_cast<std::int64_t>(seen.sequence)}));
  return session.changes() == 1;
}

Result<std::optional<ChannelRecord>> find_channel(Session& session, const ModelName& model, const ChannelName& channel) {
  SHOAL_TRY(auto rows, session.run("SELECT model, channel, epoch, sequence, release, envelope, halted, judged_from, judged_since FROM "
                                   "channels WHERE model = ? AND channel = ?",
                                   {model.str(), channel.str()}));
  if (rows.empty()) return std::optional<ChannelRecord>();
  SHOAL_TRY(ChannelRecord record, channel_of(rows.front()));
  return std::optional(std::move(record));
}

Result<std::vector<ChannelRecord>> all_channels(Session& session) {
  SHOAL_TRY(auto rows, session.run("SELECT model, channel, epoch, sequence, release, envelope, halted, judged_from, judged_since FROM "
                                   "channels ORDER BY model, channel"));
  std::vector<ChannelRecord> channels;
  for (const Row& row : rows) {
    SHOAL_TRY(ChannelRecord record, channel_of(row));
    channels.push_back(std::move(record));
  }
  return channels;
}

Result<std::vector<ChannelBrief>> channels_by_age(Session& session) {
  // All from an index: the envelopes of a large fleet are too much to read for every change.
  SHOAL_TRY(auto rows, session.run("SELECT model, channel, epoch, sequence, halted, judged_from, judged_since FROM channels INDEXED BY "
                                   "channels_standing ORDER BY made, model, channel"));
  std::vector<ChannelBrief> channels;
  channels.reserve(rows.size());
  for (const Row& row : rows)
    channels.push_back({ModelName::trusted(row.text(0)),
                        ChannelName::trusted(row.text(1)),
                        {static_cast<std::uint64_t>(row.number(2)), static_cast<std::uint64_t>(row.number(3))},
                        row.number(4) != 0,
                        static_cast<std::uint64_t>(row.number(5)),
                        time_of(row.number(6))});
  return channels;
}

Status replace_by_deletion(Session& session, const DeletionRecord& record) {
  SHOAL_CHECK(session.run("DELETE FROM channels WHERE model = ? AND channel = ?", {record.model.str(), record.channel.str()}));
  SHOAL_CHECK(
      session.run("INSERT OR REPLACE INTO deleted_channels(model, channel, epoch, sequence, envelope, until) VALUES(?, ?, ?, ?, ?, ?)",
                  {record.model.str(), record.channel.str(), static_cast<std::int64_t>(record.seen.epoch),
                   static_cast<std::int64_t>(record.seen.sequence), Value::blob(record.envelope), seconds(record.until)}));
  return {};
}

Result<std::optional<DeletionRecord>> find_deletion(Session& session, const ModelName& model, const ChannelName& channel) {
  SHOAL_TRY(auto rows, session.run("SELECT epoch, sequence, envelope, until FROM deleted_channels WHERE model = ? AND channel = ?",
                                   {model.str(), channel.str()}));
  if (rows.empty()) return std::optional<DeletionRecord>();
  const Row& row = rows.front();
  return std::optional(DeletionRecord{model,
                                      channel,
                                      {static_cast<std::uint64_t>(row.number(0)), static_cast<std::uint64_t>(row.number(1))},
                                      row.text(2),
                                      time_of(row.number(3))});
}

Status forget_deletion(Session& session, const ModelName& model, const ChannelName& channel) {
  SHOAL_CHECK(session.run("DELETE FROM deleted_channels WHERE model = ? AND channel = ?", {model.str(), channel.str()}));
  return {};
}

Result<std::size_t> deletions_of(Session& session, const ModelName& model) {
  SHOAL_TRY(auto rows, session.run("SELECT count(*) FROM deleted_channels WHERE model = ?", {model.str()}));
  return static_cast<std::size_t>(rows.at(0).number(0));
}

Result<std::vector<ModelChannels>> channels_by_model(Session& session) {
  SHOAL_TRY(auto rows, session.run("SELECT model, count(*), sum(length(channel)) FROM channels GROUP BY model"));
  std::vector<ModelChannels> models;
  for (const Row& row : rows)
    models.push_back({ModelName::trusted(row.text(0)), static_cast<std::size_t>(row.number(1)), static_cast<std::size_t>(row.number(2))});
  return models;
}

Result<std::vector<registry::HistoryRow>> history_of(Session& session, const ModelName& model, const ChannelName& channel,
                                                     std::int64_t most) {
  SHOAL_TRY(auto rows,
            session.run("SELECT h.envelope, r.version, h.who, h.at, m.name FROM channel_history h JOIN releases r ON r.id = h.release "
                        "LEFT JOIN machines m ON m.id = h.who "
                        "WHERE h.model = ? AND h.channel = ? ORDER BY h.id DESC LIMIT ?",
                        {model.str(), channel.str(), most}));
  std::vector<registry::HistoryRow> history;
  for (const Row& row : rows)
    history.push_back({row.text(0), row.text(1), NodeId::trusted(row.text(2)), time_of(row.number(3)), row.text(4)});
  return history;
}

Result<std::vector<registry::ChannelRow>> channels_of(Session& session, const ModelName& model) {
  SHOAL_TRY(auto rows, session.run("SELECT c.channel, c.envelope, r.version FROM channels c JOIN releases r ON r.id = c.release "
                                   "WHERE c.model = ? ORDER BY c.channel",
                                   {model.str()}));
  std::vector<registry::ChannelRow> channels;
  for (const Row& row : rows) channels.push_back({ChannelName::trusted(row.text(0)), row.text(1), row.text(2)});
  return channels;
}

}  // namespace shoal::tracker
