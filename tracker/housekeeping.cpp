#include "tracker/housekeeping.hpp"

namespace shoal::tracker {
namespace {

std::int64_t seconds(WallTime time) { return time.time_since_epoch().count(); }

Result<std::int64_t> changed(Session& session, const char* sql, WallTime before) {
  SHOAL_CHECK(session.run(sql, {seconds(before)}));
  return session.changes();
}

constexpr const char* old_enrolments =
    "DELETE FROM enrolments WHERE (token, key) IN (SELECT token, key FROM enrolments WHERE at < ?1 LIMIT 1000)";
constexpr const char* old_tokens =
    "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE (expires < ?1 OR (uses_left = 0 AND created < ?1)) "
    "AND id NOT IN (SELECT token FROM enrolments) LIMIT 1000)";
// A history that names a machine shows what it was called.
constexpr const char* old_machines =
    "DELETE FROM machines WHERE id IN (SELECT id FROM machines WHERE removed != 0 AND removed < ?1 AND certificate_until < ?1 "
    "AND id NOT IN (SELECT who FROM channel_history) AND id NOT IN (SELECT machine FROM enrolments) LIMIT 1000)";
// One whose withdrawal nobody signed may be published again, which needs it.
constexpr const char* old_metainfos =
    "UPDATE releases SET metainfo = x'' WHERE id IN (SELECT id FROM releases WHERE withdrawn != 0 AND withdrawn < ?1 "
    "AND length(withdrawal) > 0 AND length(metainfo) > 0 LIMIT 1000)";

// Nothing that it had could bring the channel back. Its history goes first, where nobody made the channel anew.
constexpr const char* old_histories =
    "DELETE FROM channel_history WHERE id IN (SELECT h.id FROM channel_history h JOIN deleted_channels d ON d.model = h.model AND "
    "d.channel = h.channel WHERE d.until < ?1 LIMIT 1000)";
constexpr const char* old_deletions =
    "DELETE FROM deleted_channels WHERE (model, channel) IN (SELECT model, channel FROM deleted_channels d WHERE until < ?1 AND NOT EXISTS "
    "(SELECT 1 FROM channel_history h WHERE h.model = d.model AND h.channel = d.channel) LIMIT 1000)";

}  // namespace

Result<Swept> sweep_database(Database& database, WallTime now) {
  return database.write([&](Session& session) -> Result<Swept> {
    Swept swept;
    SHOAL_TRY(swept.enrolments, changed(session, old_enrolments, now - enrolment_memory));
    SHOAL_TRY(swept.tokens, changed(session, old_tokens, now - token_memory));
    SHOAL_TRY(swept.machines, changed(session, old_machines, now - leftover_memory));
    SHOAL_TRY(swept.metainfos, changed(session, old_metainfos, now - leftover_memory));
    SHOAL_CHECK(changed(session, old_histories, now));
    SHOAL_TRY(swept.deletions, changed(session, old_deletions, now));
    return swept;
  });
}

}  // namespace shoal::tracker
