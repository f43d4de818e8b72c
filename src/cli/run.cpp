#include "cli/run.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>

#include "base/first_process.hpp"
#include "base/log.hpp"
#include "cli/config_commands.hpp"
#include "cli/former_variables.hpp"
#include "cli/help.hpp"
#include "cli/parse.hpp"
#include "cli/values.hpp"

namespace shoal::cli {
namespace {

struct Program {
  const std::string& version;
  const std::vector<Command>& commands;
  Shutdown& shutdown;
};

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool color_wanted(bool terminal) {
  const char* term = std::getenv("TERM");
  return terminal && !is_set("NO_COLOR") && term != nullptr && std::string_view(term) != "dumb";
}

Output::Options output_options(bool json, bool quiet) {
  bool terminal = ::isatty(STDERR_FILENO) == 1;
  return {.json = json, .quiet = quiet, .terminal = terminal, .color = color_wanted(terminal), .journal = log::to_journal()};
}

/// Whether errors must be JSON: known before the command line is parsed, because a mistake in it is an error as well.
bool json_asked_for(int argc, const char* const* argv) {
  auto variable = std::getenv("SHOAL_JSON");
  if (std::any_of(argv + std::min(argc, 1), argv + argc, [](const char* word) { return std::string_view(word) == "--json"; })) return true;
  return variable != nullptr && parse_switch(variable, "SHOAL_JSON").value_or(false);
}

int report(Output& out, const Status& status) {
  if (!status.ok()) {
    out.error(status.error());
    return exit_code(status.error().code);
  }
  if (out.results_written()) return 0;
  out.message("shoal: error: the result could not be written to standard output");
  return exit_code(ErrorCode::failed);
}

/// Help is for reading: no wider than 100 columns, however wide the terminal is.
unsigned help_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
  return std::clamp<unsigned>(size.ws_col, 60, 100);
}

std::string help_for(const Parsed& parsed, const Program& program) {
  if (parsed.command != nullptr) return command_help(*parsed.command, help_width(), parsed.help_all);
  return parsed.group.empty() ? overview(program.commands, program.version) : group_help(parsed.group, program.commands);
}

/// After Ctrl-C whatever fails without a reason of its own failed because of it.
Status as_interrupted(Status status, const Shutdown& shutdown) {
  if (status.ok() || !shutdown.requested()) return status;
  ErrorCode code = status.error().code;
  if (code != ErrorCode::failed && code != ErrorCode::unreachable) return status;
  return fail(ErrorCode::interrupted, "interrupted: " + status.error().message);
}

Status run_command(const Command& command, const Values& values, Invocation::Reread reread, const Program& program, Output& out) {
  Invocation invocation(out, program.shutdown, values, std::move(reread));
  invocation.software = program.version;
  SHOAL_TRY(log::Level level, log::parse_level(invocation.get("--log-level")));
  log::setup(level, out.json());
  try {
    return command.run(invocation);
  } catch (const std::exception& problem) {
    return fail(std::string("unexpected: ") + problem.what());
  }
}

int resolve_and_run(const Parsed& parsed, const Program& program, Output& early) {
  auto resolved = resolve_all(*parsed.command, parsed.given, program.commands);
  if (!resolved.ok()) return report(early, std::move(resolved).error());
  const Values& values = resolved->values;
  Output out(output_options(values.contains("--json"), values.contains("--quiet")));
  for (const std::string& warning : resolved->warnings) out.message("warning: " + warning);
  for (const std::string& warning : former_variable_warnings(*parsed.command, parsed.given)) out.message(warning);
  auto reread = [&parsed, &program] { return resolve(*parsed.command, parsed.given, program.commands); };
  return report(out, as_interrupted(run_command(*parsed.command, values, reread, program, out), program.shutdown));
}

/// The whole table where no command is named; a text where one is.
Json help_data(const Parsed& parsed, const Program& program) {
  Json data{{"type", "help"}};
  if (parsed.command == nullptr && parsed.group.empty()) data = help_json(program.commands, program.version);
  data["text"] = help_for(parsed, program);
  return data;
}

/// "shoal nodes": the commands of the group are what is asked for, and yet nothing was done.
int command_missing(const Parsed& parsed, const Program& program, Output& early) {
  early.message(group_help(parsed.group, program.commands));
  return report(early, fail(ErrorCode::usage, "'shoal " + parsed.group + "' needs one of these commands"));
}

/// For the scripts of `shoal completion`: prints candidates, and never an error into the line that is being typed.
int answer_completion(int argc, const char* const* argv, const std::vector<Command>& commands, const LocalNames& names) {
  Output out(output_options(false, false));
  const Completion completion = complete(std::vector<std::string>(argv + 2, argv + argc), commands, names);
  if (const std::string lines = lines_of(completion); !lines.empty()) out.result({}, lines);
  return 0;
}

bool is_completion(int argc, const char* const* argv) { return argc > 2 && std::string_view(argv[1]) == completion_request; }

int dispatch(int argc, const char* const* argv, const Program& program, Output& early) {
  auto parsed = parse(argc, argv, program.commands);
  if (!parsed.ok()) return report(early, std::move(parsed).error());
  bool bare = parsed->command == nullptr && parsed->group.empty();
  if (parsed->version) early.result({{"type", "version"}, {"version", program.version}}, "shoal " + program.version);
  else if (parsed->help || bare) early.result(help_data(*parsed, program), help_for(*parsed, program));
  else if (parsed->command != nullptr) return resolve_and_run(*parsed, program, early);
  else return command_missing(*parsed, program, early);
  return report(early, {});
}

}  // namespace

namespace {

int run_here(int argc, const char* const* argv, const std::string& version, std::vector<Command> commands,
             const std::map<std::string, std::string>& services, const LocalNames& names) {
  Shutdown shutdown;  // first: it must block the signals before any other thread starts
  Output early(output_options(json_asked_for(argc, argv), false));
  try {
    if (!services.empty()) commands.push_back(completion_command());
    if (!services.empty())
      for (Command& command : config_commands(commands, services)) commands.push_back(std::move(command));
    if (is_completion(argc, argv)) return answer_completion(argc, argv, commands, names);
    return dispatch(argc, argv, {version, commands, shutdown}, early);
  } catch (const std::exception& problem) {
    return report(early, fail(std::string("unexpected: ") + problem.what()));
  }
}

}  // namespace

int run(int argc, const char* const* argv, const std::string& version, std::vector<Command> commands,
        const std::map<std::string, std::string>& services, const LocalNames& names) {
  return run_below_reaper([&] { return run_here(argc, argv, version, std::move(commands), services, names); });
}

}  // namespace shoal::cli
