#include "tracker/removals.hpp"

namespace shoal::tracker {
namespace {

std::int64_t seconds(WallTime time) { return time.time_since_epoch().count(); }

Status check_gone(const Revocation& machine, WallTime now) {
  if (machine.at != WallTime{} || machine.certificate_until <= now) return {};
  const std::string id = machine.machine.str();
  return fail(ErrorCode::conflict, "machine " + id + (machine.name.empty() ? "" : " (" + machine.name + ")") +
                                       " may be alive: its certificate is good until " + format_time(machine.certificate_until) +
                                       ", and it renews it while it runs. Shut it out first ('shoal nodes revoke " + id +
                                       "'), or remove it when that time is over");
}

}  // namespace

Result<Removal> remove_machine(Database& database, const std::string& who, WallTime now) {
  return database.write([&](Session& session) -> Result<Removal> {
    SHOAL_TRY(Revocation machine, machine_named(session, who));
    SHOAL_CHECK(check_gone(machine, now));
    SHOAL_CHECK(session.run("UPDATE machines SET removed = ? WHERE id = ?", {seconds(now), machine.machine.str()}));
    return Removal{machine.machine, machine.name};
  });
}

Result<std::vector<Removal>> remove_gone(Database& database, std::chrono::seconds ago, WallTime now) {
  return database.write([&](Session& session) -> Result<std::vector<Removal>> {
    SHOAL_TRY(auto rows, session.run("UPDATE machines SET removed = ? WHERE removed = 0 AND certificate_until <= ? RETURNING id, name",
                                     {seconds(now), seconds(now - ago)}));
    std::vector<Removal> removed;
    for (const Row& row : rows) removed.push_back({NodeId::trusted(row.text(0)), row.text(1)});
    return removed;
  });
}

}  // namespace shoal::tracker
