// `shoal nodes revoke`, `shoal nodes remove` and `shoal nodes rename`: on the tracker's host, by whoever may write the tracker's state.
#include "tracker/command_parts.hpp"
#include "tracker/removals.hpp"
#include "tracker/renames.hpp"
#include "tracker/state.hpp"

namespace shoal::tracker {

const cli::Option state_option{.name = "--state",
                               .value = "DIR",
                               .help = "the tracker's state directory",
                               .fallback = "/var/lib/shoal/tracker",
                               .config_key = "state"};

Result<Database> database_of(const cli::Invocation& call) {
  const fs::path state = call.get("--state");
  SHOAL_CHECK(load_tracker(state));
  return Database::open(database_path(state));
}

namespace {

constexpr std::size_t most_reason = 200;

std::string shown(const NodeId& machine, const std::string& name) {
  return "machine " + machine.str() + (name.empty() ? "" : " (" + name + ")");
}

Status run_nodes_revoke(cli::Invocation& call) {
  SHOAL_TRY(Database database, database_of(call));
  SHOAL_TRY(Revocation revocation,
            revoke(database, call.get("MACHINE"), printable(call.get("--reason"), most_reason), SystemClock().now()));
  const std::string until = format_time(revocation.certificate_until);
  call.out.result({{"type", "revoked"},
                   {"id", revocation.machine.str()},
                   {"name", revocation.name},
                   {"at", format_time(revocation.at)},
                   {"reason", revocation.reason},
                   {"certificate_until", until}},
                  shown(revocation.machine, revocation.name) +
                      " is revoked: the tracker refuses it from now on, and its peers from their next announce");
  return {};
}

cli::Command nodes_revoke_command() {
  return {.path = "nodes revoke",
          .summary = "shut a machine out of the fleet, for good",
          .details =
              "For a machine that was stolen or whose key was copied. Runs on the tracker's host, also while the tracker runs: within two "
              "seconds the tracker answers the machine nothing any more and names it to nobody; the other machines end its links when "
              "they announce next (--announce-interval, 30 s by default). What it has it keeps: a thief can read the models that are on "
              "its disk. A publisher's key is another matter: see 'shoal trust rotate'.\n\n"
              "Example: shoal nodes revoke edge-17 --reason stolen",
          .positionals = {{"MACHINE", "its id, or its name where only one machine has it", true}},
          .options = {state_option, {.name = "--reason", .value = "TEXT", .help = "why; the machine is told, and the log"}},
          .run = run_nodes_revoke,
          .topic = cli::topic_care,
          .also = {"revoke", "node revoke", "ban", "block"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space}};
}

Json removed_line(const Removal& removal) { return {{"type", "removed_node"}, {"id", removal.machine.str()}, {"name", removal.name}}; }

std::string removed_text(const Removal& removal) { return shown(removal.machine, removal.name) + " is off the list"; }

Result<std::vector<Removal>> remove_chosen(const cli::Invocation& call, Database& database, WallTime now) {
  const std::string who = call.get("MACHINE");
  if (who.empty() == call.get("--gone").empty())
    return fail(ErrorCode::usage, "name a machine, or give --gone TIME for all whose certificates ended that long ago");
  if (who.empty()) {
    SHOAL_TRY(auto ago, call.duration("--gone"));
    return remove_gone(database, std::chrono::floor<std::chrono::seconds>(ago), now);
  }
  SHOAL_TRY(Removal removal, remove_machine(database, who, now));
  return std::vector<Removal>{removal};
}

Status run_nodes_remove(cli::Invocation& call) {
  SHOAL_TRY(Database database, database_of(call));
  SHOAL_TRY(auto removed, remove_chosen(call, database, SystemClock().now()));
  for (const Removal& removal : removed) call.out.result(removed_line(removal), removed_text(removal));
  if (removed.empty()) call.out.message("no machine's certificate ended that long ago");
  return {};
}

cli::Command nodes_remove_command() {
  return {.path = "nodes remove",
          .summary = "take a machine that is gone for good off the lists",
          .details =
              "For machines that joined and never came, were replaced, or are no more. Runs on the tracker's host, also while the tracker "
              "runs. A machine that may be alive is refused: one whose certificate is good, a day after it was last seen at most. Shut it "
              "out with 'shoal nodes revoke' first, or wait. Histories of channels go on naming it.\n\n"
              "  shoal nodes remove gpu-17\n"
              "  shoal nodes remove --gone 30d",
          .positionals = {{"MACHINE", "its id, or its name where only one machine has it", false}},
          .options = {state_option,
                      {.name = "--gone", .value = "TIME", .help = "all machines whose certificates ended that long ago, such as 30d"}},
          .run = run_nodes_remove,
          .topic = cli::topic_care,
          .also = {"node remove", "nodes rm", "nodes delete", "forget"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space}};
}

Status run_nodes_rename(cli::Invocation& call) {
  SHOAL_TRY(Database database, database_of(call));
  SHOAL_TRY(Rename rename, rename_machine(database, call.get("MACHINE"), call.get("NAME")));
  call.out.result({{"type", "renamed_node"}, {"id", rename.machine.str()}, {"before", rename.before}, {"name", rename.name}},
                  shown(rename.machine, rename.before) + " is called " + rename.name + " from now on");
  return {};
}

cli::Command nodes_rename_command() {
  return {.path = "nodes rename",
          .summary = "give a machine another name",
          .details =
              "Runs on the tracker's host, even while the tracker runs. Lists, histories and commands use the new name at once.\n\n"
              "Example: shoal nodes rename w25rks6rzwal gpu-4",
          .positionals = {{"MACHINE", "its id, or its name where only one machine has it", true},
                          {"NAME", "the new name, without spaces", true}},
          .options = {state_option},
          .run = run_nodes_rename,
          .topic = cli::topic_care,
          .also = {"rename", "node rename"},
          .failures = {ErrorCode::not_found, ErrorCode::not_enrolled, ErrorCode::no_space}};
}

}  // namespace

std::vector<cli::Command> node_commands() { return {nodes_revoke_command(), nodes_remove_command(), nodes_rename_command()}; }

}  // namespace shoal::tracker
