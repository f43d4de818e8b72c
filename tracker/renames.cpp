#include "tracker/renames.hpp"

#include "registry/machine_name.hpp"
#include "tracker/revocations.hpp"

namespace shoal::tracker {
namespace {

Status check_free(Session& session, const NodeId& machine, const std::string& name) {
  SHOAL_TRY(auto rows,
            session.run("SELECT id FROM machines WHERE (name = ?1 OR id = ?1) AND id != ?2 AND removed = 0 AND revoked = 0 LIMIT 1",
                        {name, machine.str()}));
  if (rows.empty()) return {};
  return fail(ErrorCode::conflict, "machine " + rows.front().text(0) + " is called '" + name + "' already: choose another name");
}

}  // namespace

Result<Rename> rename_machine(Database& database, const std::string& who, const std::string& name) {
  SHOAL_CHECK(registry::check_machine_name(name, "the name of a machine"));
  if (name.empty()) return fail(ErrorCode::usage, "the name of a machine must not be empty");
  return database.write([&](Session& session) -> Result<Rename> {
    SHOAL_TRY(Revocation machine, machine_named(session, who));
    SHOAL_CHECK(check_free(session, machine.machine, name));
    SHOAL_CHECK(session.run("UPDATE machines SET name = ? WHERE id = ?", {name, machine.machine.str()}));
    return Rename{machine.machine, machine.name, name};
  });
}

}  // namespace shoal::tracker
