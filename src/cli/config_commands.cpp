#include "cli/config_commands.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "base/wording.hpp"
#include "cli/parse.hpp"
#include "cli/table.hpp"
#include "cli/values.hpp"

namespace shoal::cli {
namespace {

/// All commands, and those that services are.
struct Known {
  std::vector<Command> commands;
  std::map<std::string, std::string> services;

  const Command& service(const std::string& name) const {
    auto named = [&](const Command& command) { return command.path == services.at(name); };
    return *std::find_if(commands.begin(), commands.end(), named);
  }
};

// --- config check

/// Every option that the file may set under this key; two commands may give it different values, and each checks its own.
std::vector<const Option*> options_of(const Known& known, const std::string& key) {
  std::vector<const Option*> found;
  auto look = [&](const std::vector<Option>& options) {
    for (const Option& option : options)
      if (option.config_key == key) found.push_back(&option);
  };
  look(common_options());
  for (const Command& command : known.commands) look(command.options);
  return found;
}

std::string in_quotes(const std::string& word) { return "'" + word + "'"; }

Status check_text(const Option& option, const std::string& text) {
  if (option.value.empty())
    return parse_switch(text, option.name).ok() ? Status{} : Status(fail(in_quotes(text) + " is neither true nor false"));
  return check_value(option, text);
}

void check_key(const Known& known, const std::string& key, const ConfigValue& value, ConfigReading& reading) {
  const auto options = options_of(known, key);
  if (options.empty()) return;
  const Option& option = *options.front();
  if (!option.repeatable && value.texts.size() > 1)
    reading.mistakes.push_back({value.line, in_quotes(key) + " takes one value, not an array of several"});
  for (std::size_t i = 0; i < value.texts.size(); ++i) {
    if (Status checked = check_text(option, value.texts[i]); !checked.ok())
      reading.mistakes.push_back({value.lines[i], in_quotes(key) + ": " + without_secrets(checked.error().message)});
  }
}

/// Lists of tables that the file has as strings.
std::vector<ConfigMistake> old_forms(const Known& known, const ConfigReading& reading) {
  std::vector<ConfigMistake> found;
  for (const auto& [key, value] : reading.values) {
    const auto options = options_of(known, key);
    const bool tables = !options.empty() && !options.front()->fields.empty();
    if (tables && !value.texts.empty() && !is_table(value.texts.front()))
      found.push_back(
          {value.line, in_quotes(key) + " is in an old form, which the next release does not read: write [[" + key + "]] tables"});
  }
  return found;
}

void tell(Output& out, const std::string& file, const std::string& kind, const ConfigMistake& mistake) {
  out.result({{"type", "config_" + kind}, {"file", file}, {"line", mistake.line}, {"message", mistake.message}},
             file + ":" + std::to_string(mistake.line) + ": " + (kind == "warning" ? "warning: " : "") + mistake.message);
}

Status run_check(const Known& known, Invocation& call) {
  const std::string file = call.get("FILE");
  SHOAL_TRY(ConfigReading reading, examine_config(file, known_keys(known.commands)));
  for (const auto& [key, value] : reading.values) check_key(known, key, value, reading);
  auto by_line = [](const ConfigMistake& a, const ConfigMistake& b) { return a.line < b.line; };
  std::stable_sort(reading.mistakes.begin(), reading.mistakes.end(), by_line);
  for (const ConfigMistake& mistake : reading.mistakes) tell(call.out, file, "mistake", mistake);
  for (const ConfigMistake& warning : old_forms(known, reading)) tell(call.out, file, "warning", warning);
  if (!reading.mistakes.empty()) return fail(ErrorCode::usage, file + " has " + counted(reading.mistakes.size(), "mistake"));
  call.out.result({{"type", "config_checked"}, {"file", file}, {"keys", reading.values.size()}},
                  file + ": no mistake in " + counted(reading.values.size(), "key"));
  return {};
}

Command check_command(const std::shared_ptr<const Known>& known) {
  return {.path = "config check",
          .summary = "find every mistake in a configuration file",
          .details =
              "Names each mistake with its line: bad TOML, unknown keys, and values that no command would accept. It starts nothing and\n"
              "contacts nobody. Exit code 2 if there is a mistake.\n\n"
              "  shoal config check /etc/shoal/node.toml",
          .positionals = {{.name = "FILE", .help = "the configuration file", .variable = "SHOAL_CONFIG"}},
          .options = {},
          .run = [known](Invocation& call) { return run_check(*known, call); },
          .topic = topic_configure,
          .reads_config = false};
}

// --- config show

/// Flags of the services, so that a whole command line can be shown: what they mean is up to the service.
std::vector<Option> flags_of(const Known& known) {
  std::vector<Option> flags;
  std::set<std::string> names;
  for (const auto& [service, path] : known.services) {
    for (Option option : known.service(service).options) {
      if (option.config_key.empty() || !names.insert(option.name).second) continue;
      flags.push_back({.name = option.name,
                       .value = option.value,
                       .help = option.help,
                       .repeatable = option.repeatable,
                       .flag_only = true,
                       .words = option.words,
                       .rare = true});
    }
  }
  return flags;
}

Values given_to(const Invocation& call, const Command& service) {
  Values given;
  auto take = [&](const std::string& name) {
    if (auto texts = call.all(name); !texts.empty()) given[name] = texts;
  };
  for (const Option& option : service.options) take(option.name);
  take("--config");
  return given;
}

Json row_json(const std::string& service, const Option& option, const std::vector<std::string>& texts, const std::string& origin) {
  Json values = Json::array();
  for (const std::string& text : texts) values.push_back(without_secrets(text));
  return {{"type", "config_value"},          {"service", service}, {"key", option.config_key}, {"option", option.name}, {"values", values},
          {"variable", variable_of(option)}, {"from", origin}};
}

std::string row_text(const Option& option, const std::vector<std::string>& texts) {
  if (option.value.empty()) return texts.empty() ? "false" : "true";
  if (texts.empty()) return "-";
  std::string text;
  for (const std::string& each : texts) text += (text.empty() ? "" : ", ") + without_secrets(each);
  return option.repeatable ? "[" + text + "]" : text;
}

/// This command has a log level of its own, from the same sources: only a flag can make it another one.
void take_log_level(const Invocation& call, Resolved& resolved) {
  const std::string mine = call.get("--log-level");
  std::vector<std::string>& theirs = resolved.values["--log-level"];
  if (theirs == std::vector<std::string>{mine}) return;
  theirs = {mine};
  resolved.origins["--log-level"] = "flag";
}

Status show_service(const Known& known, const std::string& name, Invocation& call) {
  Command service = known.service(name);
  service.positionals.clear();
  SHOAL_TRY(Resolved resolved, resolve_all(service, given_to(call, service), known.commands));
  take_log_level(call, resolved);
  std::vector<Option> options = service.options;
  for (const Option& option : common_options_of(service)) options.push_back(option);
  Table table({"KEY", "VALUE", "FROM"});
  for (const Option& option : options) {
    if (option.config_key.empty()) continue;
    const std::vector<std::string>& texts = resolved.values[option.name];
    if (call.out.json()) call.out.result(row_json(name, option, texts, resolved.origins[option.name]), "");
    table.add({option.config_key, row_text(option, texts), resolved.origins[option.name]});
  }
  if (!call.out.json()) call.out.result({}, "shoal " + service.path + "\n" + table.text() + "\n");
  for (const std::string& warning : resolved.warnings) call.out.message("warning: " + warning);
  return {};
}

bool knows(const Command& service, const std::string& key) {
  auto has = [&](const std::vector<Option>& options) {
    return std::any_of(options.begin(), options.end(), [&](const Option& option) { return option.config_key == key; });
  };
  return has(service.options) || has(common_options());
}

/// The services whose keys the file has: node.toml is a node's. All where there is no file, or where it is of none.
Result<std::vector<std::string>> services_of(const Known& known, const Invocation& call) {
  std::vector<std::string> all, fitting;
  for (const auto& [name, path] : known.services) all.push_back(name);
  const std::string wanted = call.get("SERVICE"), file = call.get("--config");
  if (!wanted.empty()) return std::vector<std::string>{wanted};
  if (file.empty()) return all;
  SHOAL_TRY(ConfigValues values, read_config(file, known_keys(known.commands)));
  for (const std::string& name : all) {
    auto is_known = [&](const auto& value) { return knows(known.service(name), value.first); };
    if (std::all_of(values.begin(), values.end(), is_known)) fitting.push_back(name);
  }
  return fitting.empty() ? all : fitting;
}

Status run_show(const Known& known, Invocation& call) {
  SHOAL_TRY(auto services, services_of(known, call));
  for (const std::string& service : services) SHOAL_CHECK(show_service(known, service, call));
  return {};
}

Command show_command(const std::shared_ptr<const Known>& known) {
  std::vector<std::string> services;
  for (const auto& [name, path] : known->services) services.push_back(name);
  return {.path = "config show",
          .summary = "show each setting of a service, and where its value comes from",
          .details =
              "FROM is a flag, the variable, the file and line, or the default. Takes the flags of the service, so that its whole command\n"
              "line can be shown. Passwords and queries in URLs are not printed.\n\n"
              "  shoal config show --config /etc/shoal/node.toml\n"
              "  shoal config show node --upload-limit 20MB --json",
          .positionals = {{.name = "SERVICE",
                           .help = listed(services, services.size()) + "; default: those whose keys the file has",
                           .required = false,
                           .words = services}},
          .options = flags_of(*known),
          .run = [known](Invocation& call) { return run_show(*known, call); },
          .topic = topic_configure};
}

}  // namespace

std::vector<Command> config_commands(std::vector<Command> commands, std::map<std::string, std::string> services) {
  const auto known = std::make_shared<const Known>(Known{std::move(commands), std::move(services)});
  return {check_command(known), show_command(known)};
}

}  // namespace shoal::cli
