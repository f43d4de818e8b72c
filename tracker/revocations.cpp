#include "tracker/revocations.hpp"

#include "base/log.hpp"

namespace shoal::tracker {
namespace {

constexpr const char* all_revoked = "SELECT id, name, revoked_reason, revoked, certificate_until FROM machines WHERE revoked != 0";
// Those that were revoked already come last: they do not make a name ambiguous.
constexpr const char* all_named =
    "SELECT id, name, revoked_reason, revoked, certificate_until FROM machines WHERE (id = ?1 OR name = ?2) AND removed = 0 "
    "ORDER BY id != ?1, revoked != 0, rowid";

WallTime time_of(std::int64_t value) { return WallTime(std::chrono::seconds(value)); }

std::vector<Revocation> read(const std::vector<Row>& rows) {
  std::vector<Revocation> found;
  for (const Row& row : rows)
    found.push_back({NodeId::trusted(row.text(0)), row.text(1), row.text(2), time_of(row.number(3)), time_of(row.number(4))});
  return found;
}

bool revoked(const Revocation& machine) { return machine.at != WallTime(); }

}  // namespace

Result<Revocation> machine_named(Session& session, const std::string& who) {
  SHOAL_TRY(auto rows, session.run(all_named, {who, who}));
  std::vector<Revocation> found = read(rows);
  if (found.empty())
    return fail(ErrorCode::not_found, "no machine is called '" + printable(who) + "': 'shoal nodes list' and 'shoal status' show them");
  if (found.size() > 1 && !revoked(found[1]) && found[0].machine.str() != who)
    return fail(ErrorCode::usage, "several machines are called '" + printable(who) + "', such as " + found[0].machine.str() + " and " +
                                      found[1].machine.str() + ": give the id");
  return found.front();
}

Result<Revocation> revoke(Database& database, const std::string& who, const std::string& reason, WallTime now) {
  return database.write([&](Session& session) -> Result<Revocation> {
    SHOAL_TRY(Revocation machine, machine_named(session, who));
    if (revoked(machine)) return machine;
    machine.at = now;
    machine.reason = reason;
    SHOAL_CHECK(session.run("UPDATE machines SET revoked = ?, revoked_reason = ? WHERE id = ?",
                            {std::int64_t{now.time_since_epoch().count()}, reason, machine.machine.str()}));
    return machine;
  });
}

Result<std::vector<NodeId>> Revocations::refresh() {
  SHOAL_TRY(auto rows, database_.read([](Session& session) { return session.run(all_revoked); }));
  std::vector<NodeId> fresh;
  auto known = known_.lock();
  for (Revocation& machine : read(rows))
    if (known->insert_or_assign(machine.machine, machine).second) fresh.push_back(machine.machine);
  return fresh;
}

std::optional<Revocation> Revocations::find(const NodeId& machine) const {
  return known_.with([&](const auto& known) {
    auto found = known.find(machine);
    return found == known.end() ? std::optional<Revocation>() : found->second;
  });
}

std::vector<NodeId> Revocations::certified(WallTime now) const {
  std::vector<NodeId> machines;
  known_.with([&](const auto& known) {
    for (const auto& [id, machine] : known)
      if (machine.certificate_until > now) machines.push_back(id);
  });
  return machines;
}

http::Handler without_revoked(const Revocations& revocations, http::Handler inner) {
  return [&revocations, inner = std::move(inner)](http::Request request, http::Reply reply) {
    auto revocation = request.peer ? revocations.find(request.peer->identity.id) : std::nullopt;
    if (!revocation) return inner(std::move(request), std::move(reply));
    std::string why = revocation->reason.empty() ? "" : ": " + revocation->reason;
    reply(http::error_response(http::status_of(ErrorCode::not_enrolled),
                               fail(ErrorCode::not_enrolled, "this machine was revoked at " + format_time(revocation->at) + why)));
  };
}

}  // namespace shoal::tracker
