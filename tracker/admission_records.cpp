#include "tracker/admission_records.hpp"

namespace shoal::tracker {
namespace {

std::int64_t seconds(WallTime time) { return time.time_since_epoch().count(); }
WallTime time_of(std::int64_t value) { return WallTime(std::chrono::seconds(value)); }

}  // namespace

Status insert_token(Session& session, const TokenRecord& token) {
  SHOAL_CHECK(session.run("INSERT INTO tokens(id, secret_hash, role, uses_left, created, expires, trust_root) VALUES(?, ?, ?, ?, ?, ?, ?)",
                          {Value::blob(token.id), Value::blob(token.secret_hash.view()), name(token.role), token.uses_left,
                           seconds(token.created), seconds(token.expires), Value::blob(token.trust_root.view())}));
  return {};
}

namespace {

constexpr const char* one_token = "SELECT id, secret_hash, role, uses_left, created, expires, trust_root FROM tokens WHERE id = ?";
constexpr const char* every_token =
    "SELECT id, secret_hash, role, uses_left, created, expires, trust_root FROM tokens ORDER BY expires, id";

Result<TokenRecord> token_of(const Row& row) {
  TokenRecord token{row.text(0), {}, {}, row.number(3), time_of(row.number(4)), time_of(row.number(5)), {}};
  SHOAL_TRY(token.secret_hash, Sha256::from_raw(row.text(1)));
  SHOAL_TRY(token.role, identity::parse_role(row.text(2)));
  if (!row.text(6).empty()) {
    SHOAL_TRY(token.trust_root, Sha256::from_raw(row.text(6)));
  }
  return token;
}

}  // namespace

Result<std::optional<TokenRecord>> find_token(Session& session, const std::string& id) {
  SHOAL_TRY(auto rows, session.run(one_token, {Value::blob(id)}));
  if (rows.empty()) return std::optional<TokenRecord>();
  SHOAL_TRY(TokenRecord token, token_of(rows.front()));
  return std::optional(std::move(token));
}

Result<std::vector<TokenRecord>> all_tokens(Session& session) {
  SHOAL_TRY(auto rows, session.run(every_token));
  std::vector<TokenRecord> tokens;
  for (const Row& row : rows) {
    SHOAL_TRY(TokenRecord token, token_of(row));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Result<bool> take_use(Session& session, const std::string& token_id) {
  SHOAL_CHECK(session.run("UPDATE tokens SET uses_left = uses_left - 1 WHERE id = ? AND uses_left > 0", {Value::blob(token_id)}));
  return session.changes() == 1;
}

Status insert_enrolment(Session& session, const std::string& token_id, const identity::SpkiPin& key, const EnrolmentRecord& enrolment) {
  // The same key may come again once its ten minutes are over and the token has uses left.
  SHOAL_CHECK(session.run("INSERT OR REPLACE INTO enrolments(token, key, machine, at) VALUES(?, ?, ?, ?)",
                          {Value::blob(token_id), Value::blob(key.view()), enrolment.machine.str(), seconds(enrolment.at)}));
  return {};
}

Result<std::optional<EnrolmentRecord>> find_enrolment(Session& session, const std::string& token_id, const identity::SpkiPin& key) {
  SHOAL_TRY(auto rows, session.run("SELECT machine, at FROM enrolments WHERE token = ? AND key = ?",
                                   {Value::blob(token_id), Value::blob(key.view())}));
  if (rows.empty()) return std::optional<EnrolmentRecord>();
  return std::optional(EnrolmentRecord{NodeId::trusted(rows.front().text(0)), time_of(rows.front().number(1))});
}

Result<bool> enrolled_since(Session& session, const std::string& token_id, WallTime since) {
  SHOAL_TRY(auto rows, session.run("SELECT 1 FROM enrolments WHERE token = ? AND at > ? LIMIT 1", {Value::blob(token_id), seconds(since)}));
  return !rows.empty();
}

Status insert_machine(Session& session, const registry::MachineRow& machine, const identity::SpkiPin& key, WallTime now) {
  SHOAL_CHECK(session.run("INSERT INTO machines(id, role, name, site, enrolled, certificate_until, key) VALUES(?, ?, ?, ?, ?, ?, ?)",
                          {machine.id.str(), name(machine.role), machine.name, machine.site, seconds(now),
                           seconds(machine.certificate_until), Value::blob(key.view())}));
  return {};
}

Result<bool> prolong_machine(Session& session, const NodeId& id, identity::Role role, WallTime certificate_until) {
  SHOAL_CHECK(session.run("UPDATE machines SET certificate_until = ? WHERE id = ? AND role = ? AND revoked = 0 AND removed = 0",
                          {seconds(certificate_until), id.str(), name(role)}));
  return session.changes() == 1;
}

Result<std::vector<registry::MachineRow>> all_machines(Session& session) {
  SHOAL_TRY(
      auto rows,
      session.run("SELECT id, role, name, site, certificate_until, revoked, held_twice FROM machines WHERE removed = 0 ORDER BY rowid"));
  std::vector<registry::MachineRow> machines;
  for (const Row& row : rows) {
    SHOAL_TRY(identity::Role role, identity::parse_role(row.text(1)));
    machines.push_back({NodeId::trusted(row.text(0)), role, row.text(2), row.text(3), time_of(row.number(4)), {}, {}});
    if (row.number(5) != 0) machines.back().revoked = time_of(row.number(5));
    if (row.number(6) != 0) machines.back().held_twice = time_of(row.number(6));
  }
  return machines;
}

}  // namespace shoal::tracker
