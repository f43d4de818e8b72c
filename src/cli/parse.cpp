#include "cli/parse.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/config.hpp"
#include "base/encoding.hpp"
#include "cli/suggest.hpp"

namespace shoal::cli {
namespace {

bool has_option(const Command& command, const std::string& name) {
  return std::any_of(command.options.begin(), command.options.end(), [&](const Option& option) { return option.name == name; });
}

/// Values are read back from the options after the parse: the table says what they mean, not CLI11's types.
void add_option(CLI::App& app, const Option& option, const std::string& names) {
  if (option.value.empty()) {
    app.add_flag(names);
    return;
  }
  CLI::Option* added = app.add_option(names);
  added->type_name(option.value)->expected(1);
  added->multi_option_policy(option.repeatable ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
}

/// CLI11 does not take every name of ours ("MODEL:CHANNEL"), so that inside it arguments have numbers.
std::string positional_name(std::size_t index) { return "argument" + std::to_string(index); }

/// What every level of the tree has; a command's own option wins over a common one (publish has a --version of its own).
/// Help and extra words are ours, so that messages can suggest the nearest word.
void add_common(CLI::App& app, const Command& command) {
  app.set_help_flag();
  app.allow_extras();
  app.require_subcommand(0, 1);
  for (const Option& option : common_options_of(command)) {
    std::string short_name = option.name == "--help" ? "-h," : option.name == "--quiet" ? "-q," : "";
    add_option(app, option, short_name + option.name);
  }
}

CLI::App& group(CLI::App& parent, const std::string& word) {
  for (CLI::App* known : parent.get_subcommands(nullptr)) {
    if (known->get_name() == word) return *known;
  }
  CLI::App& made = *parent.add_subcommand(word);
  add_common(made, {});
  return made;
}

void add_command(CLI::App& root, const Command& command) {
  std::vector<std::string> words = words_of(command.path);
  CLI::App* parent = &root;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) parent = &group(*parent, words[i]);
  CLI::App& app = *parent->add_subcommand(words.back());
  add_common(app, command);
  for (const Option& option : command.options) add_option(app, option, option.name);
  for (std::size_t i = 0; i < command.positionals.size(); ++i) app.add_option(positional_name(i));
}

/// The apps from the root to the deepest subcommand that was named.
std::vector<CLI::App*> chain_of(CLI::App& root) {
  std::vector<CLI::App*> chain{&root};
  while (!chain.back()->get_subcommands().empty()) chain.push_back(chain.back()->get_subcommands().front());
  return chain;
}

std::string path_of(const std::vector<CLI::App*>& chain) {
  std::string path;
  for (std::size_t i = 1; i < chain.size(); ++i) path += (i > 1 ? " " : "") + chain[i]->get_name();
  return path;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string in_quotes(const std::string& word) { return "'" + printable(word) + "'"; }

Error unknown_option(const std::string& extra, const CLI::App& app, const std::string& path) {
  const std::string word = extra.substr(0, extra.find('=')), near = nearest(word, option_names(app));
  const std::string help = "see '" + (path.empty() ? "shoal" : "shoal " + path) + " --help-all'";
  return fail(ErrorCode::usage,
              "unknown option " + in_quotes(word) + ": " + (near.empty() ? help : "did you mean " + in_quotes(near) + "?"));
}

/// For a word that no level of the tree knows: an argument too many, or a command that does not exist.
Error unknown_word(const std::vector<std::string>& extras, const CLI::App& app, const std::string& path,
                   const std::vector<Command>& commands) {
  const std::string where = path.empty() ? "shoal" : "shoal " + path;
  if (app.get_subcommands(nullptr).empty())
    return fail(ErrorCode::usage, "unexpected argument " + in_quotes(extras.front()) + ": see '" + where + " --help'");
  std::vector<std::string> typed = words_of(path);
  typed.insert(typed.end(), extras.begin(), extras.end());
  const std::string meant = did_you_mean(typed, commands);
  return fail(ErrorCode::usage, "unknown command " + in_quotes((path.empty() ? "" : path + " ") + extras.front()) + ": " +
                                    (meant.empty() ? "see '" + where + " --help'" : meant));
}

Status check_extras(const std::vector<CLI::App*>& chain, const std::vector<Command>& commands) {
  std::string path;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (i > 0) path += (i > 1 ? " " : "") + chain[i]->get_name();
    std::vector<std::string> extras = chain[i]->remaining();
    if (extras.empty()) continue;
    const auto option =
        std::find_if(extras.begin(), extras.end(), [](const std::string& word) { return word.starts_with("-") && word != "-"; });
    const bool is_leaf = chain[i]->get_subcommands(nullptr).empty();
    if (option != extras.end() && (is_leaf || option == extras.begin())) return unknown_option(*option, *chain[i], path);
    extras.erase(option, extras.end());
    return unknown_word(extras, *chain[i], path, commands);
  }
  return {};
}

std::vector<std::string> results_of(const CLI::App& app, const std::string& name) {
  const CLI::Option* option = app.get_option_no_throw(name);
  return option == nullptr ? std::vector<std::string>{} : option->results();
}

void collect(std::map<std::string, std::vector<std::string>>& values, const std::string& name, const std::vector<std::string>& found) {
  if (!found.empty()) values[name].insert(values[name].end(), found.begin(), found.end());
}

/// Common options may stand after any word; the others belong to the last.
std::map<std::string, std::vector<std::string>> values_given(const std::vector<CLI::App*>& chain, const Command& command) {
  std::map<std::string, std::vector<std::string>> values;
  for (const Option& option : common_options_of(command)) {
    for (const CLI::App* app : chain) collect(values, option.name, results_of(*app, option.name));
  }
  const CLI::App& leaf = *chain.back();
  for (const Option& option : command.options) collect(values, option.name, results_of(leaf, option.name));
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    collect(values, command.positionals[i].name, results_of(leaf, positional_name(i)));
  }
  return values;
}

const Command* find_command(const std::string& path, const std::vector<Command>& commands) {
  auto found = std::find_if(commands.begin(), commands.end(), [&](const Command& command) { return command.path == path; });
  return found == commands.end() ? nullptr : &*found;
}

/// "shoal help pull" is "shoal pull --help". "--to=" is refused: CLI11 would take the next word for its value.
Result<std::vector<std::string>> words_from(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.push_back("--help");
  }
  for (const std::string& word : words) {
    if (word == "--") break;
    if (word.starts_with("--") && word.find('=') + 1 == word.size()) {
      return fail(ErrorCode::usage, in_quotes(word) + " has no value: leave the option out to get its default");
    }
  }
  return words;
}

/// "--state --json" gave CLI11 "--json" as a directory; nobody means that.
Status check_values(const std::vector<CLI::App*>& chain) {
  for (const CLI::App* app : chain) {
    std::vector<std::string> names = option_names(*app);
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& value : option->results()) {
        if (std::find(names.begin(), names.end(), value) == names.end()) continue;
        return fail(ErrorCode::usage, option->get_name() + " needs a value, and got " + in_quotes(value));
      }
    }
  }
  return {};
}

Parsed read_back(const std::vector<CLI::App*>& chain, const std::vector<Command>& commands) {
  Parsed parsed;
  std::string path = path_of(chain);
  parsed.command = find_command(path, commands);
  if (parsed.command == nullptr) parsed.group = path;
  parsed.given = values_given(chain, parsed.command != nullptr ? *parsed.command : Command{});
  parsed.help_all = parsed.given.count("--help-all") > 0;
  parsed.help = parsed.help_all || parsed.given.count("--help") > 0;
  // Before the command it always means the program's; after it, it may be the command's own.
  parsed.version = !results_of(*chain.front(), "--version").empty();
  if (parsed.command == nullptr || !has_option(*parsed.command, "--version")) parsed.version |= parsed.given.count("--version") > 0;
  return parsed;
}

}  // namespace

const std::vector<Option>& common_options() {
  static const std::vector<Option> options{
      {.name = "--config", .value = "FILE", .help = "read options from this TOML file"},
      {.name = "--json", .value = "", .help = "print results, progress and errors as JSON lines on standard output"},
      {.name = "--quiet", .value = "", .help = "print no messages and no progress (-q)"},
      {.name = "--log-level",
       .value = "LEVEL",
       .help = "debug, info, warn, error or off",
       .fallback = "warn",
       .config_key = "log_level",
       .words = {"debug", "info", "warn", "error", "off"}},
      {.name = "--version", .value = "", .help = "print the version"},
      {.name = "--help", .value = "", .help = "print what you need to use this command (-h)"},
      {.name = "--help-all", .value = "", .help = "print all of its options, and their variables and configuration keys"},
  };
  return options;
}

std::vector<Option> common_options_of(const Command& command) {
  std::vector<Option> left;
  for (const Option& common : common_options()) {
    if (has_option(command, common.name)) continue;
    left.push_back(common);
    if (command.service && common.name == "--log-level") left.back().fallback = "info";
  }
  return left;
}

Result<Parsed> parse(int argc, const char* const* argv, const std::vector<Command>& commands) {
  CLI::App root;
  root.name("shoal");
  add_common(root, {});
  for (const Command& command : commands) add_command(root, command);
  SHOAL_TRY(std::vector<std::string> words, words_from(argc, argv));
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    root.parse(std::move(words));
  } catch (const CLI::ArgumentMismatch& problem) {
    std::string message = problem.what();
    return fail(ErrorCode::usage, message.substr(0, message.find(':')) + " needs a value");
  } catch (const CLI::ParseError& problem) {
    return fail(ErrorCode::usage, problem.what());
  }
  std::vector<CLI::App*> chain = chain_of(root);
  SHOAL_CHECK(check_extras(chain, commands));
  SHOAL_CHECK(check_values(chain));
  return read_back(chain, commands);
}

}  // namespace shoal::cli
