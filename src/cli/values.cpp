#include "cli/values.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <regex>

#include "base/encoding.hpp"
#include "base/wording.hpp"
#include "cli/parse.hpp"

namespace shoal::cli {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> items;
  for (std::size_t start = 0; start <= text.size();) {
    std::size_t end = std::min(text.find(separator, start), text.size());
    if (end > start) items.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return items;
}

/// Values that were separated by commas while no value could have one: a comma that a path, a URL or a hook follows separates.
std::vector<std::string> old_list(const std::string& text) {
  static const std::regex next(",(?=/|[a-z][a-z.]*:)");
  return {std::sregex_token_iterator(text.begin(), text.end(), next, -1), {}};
}

/// Values from one source, where each comes from, and what people should know about their form.
struct Found {
  std::vector<std::string> texts;
  std::string origin = "default";
  std::vector<std::string> places = {};  // one for each text, for messages
  std::string warning = "";
};

std::string place_of(const Found& found, std::size_t index) { return index < found.places.size() ? found.places[index] : found.origin; }

Found from_flag(const Option& option, const std::vector<std::string>& texts) {
  return {texts, "flag", std::vector<std::string>(texts.size(), option.name)};
}

/// One value a line where there are several lines or values contain commas, else separated by commas.
Found from_variable(const Option& option, const std::string& variable, const std::string& text) {
  Found found{{text}, variable, {}};
  if (!option.repeatable) return found;
  const bool lines = option.has_commas || text.find('\n') != std::string::npos || is_table(text);
  found.texts = split(text, lines ? '\n' : ',');
  if (!lines || text.find('\n') != std::string::npos || is_table(text)) return found;
  found.texts = old_list(text);
  if (found.texts.size() > 1)
    found.warning = variable + " separates its values by commas: write one value a line, because a value may contain commas";
  return found;
}

/// The old forms of a list: one string with commas, and strings in place of tables.
Found from_file(const Option& option, const std::string& file, const ConfigValue& value) {
  Found found{value.texts, file + ":" + std::to_string(value.line), {}};
  for (const unsigned line : value.lines) found.places.push_back(file + ":" + std::to_string(line) + ": '" + option.config_key + "'");
  if (!option.repeatable || value.texts.empty()) return found;
  const std::string key = found.origin + ": '" + option.config_key + "'";
  if (!value.is_array && !is_table(value.texts.front())) {
    found.texts = option.has_commas ? old_list(value.texts.front()) : split(value.texts.front(), ',');
    found.places.assign(found.texts.size(), key);
    if (found.texts.size() > 1) found.warning = key + " is one string with commas: write an array";
  }
  if (!option.fields.empty() && !is_table(value.texts.front()))
    found.warning = key + " is in an old form, which the next release does not read: write [[" + option.config_key + "]] tables";
  return found;
}

/// An empty variable counts as not set, as in `SHOAL_JSON= shoal status`.
std::string from_environment(const std::string& variable) {
  const char* text = variable.empty() ? nullptr : std::getenv(variable.c_str());
  return text == nullptr ? "" : text;
}

struct File {
  std::string path;
  ConfigValues values;
};

Result<File> read_file_of(const Values& given, const std::vector<Command>& commands) {
  File file{config_path(given), {}};
  if (file.path.empty()) return file;
  auto values = read_config(file.path, known_keys(commands));
  if (!values.ok()) return fail(ErrorCode::usage, "cannot use the configuration file: " + values.error().message);
  file.values = std::move(*values);
  return file;
}

Found first_source(const Option& option, const Values& given, const File& file) {
  if (auto flag = given.find(option.name); flag != given.end()) return from_flag(option, flag->second);
  const std::string variable = variable_of(option);
  if (const std::string text = from_environment(variable); !text.empty()) return from_variable(option, variable, text);
  auto key = file.values.find(option.config_key);
  if (!option.config_key.empty() && key != file.values.end()) return from_file(option, file.path, key->second);
  if (option.fallback.empty()) return {};
  return {{option.fallback}};
}

/// Variables used to set arguments and --version too. A script that still relies on this learns why it fails.
std::string advice(const std::string& name, const std::string& variable) {
  if (!variable.empty()) return ": give it, or set " + variable;
  const std::string former = environment_name(name);
  return from_environment(former).empty() ? ": give it on the command line"
                                          : ": give it on the command line; " + former + " is set, but no longer read";
}

Status check_word(const std::vector<std::string>& words, const std::string& text) {
  const bool open = std::any_of(words.begin(), words.end(), [](const std::string& word) { return word.ends_with(':'); });
  if (words.empty() || open || std::find(words.begin(), words.end(), text) != words.end()) return {};
  return fail(ErrorCode::usage, "'" + printable(text) + "' is none of " + listed(words, words.size()));
}

Status missing(const std::string& name, const std::string& variable, const std::string& command) {
  return fail(ErrorCode::usage, name + " is missing" + advice(name, variable) + "; see 'shoal " + command + " --help'");
}

/// Switches become "true" or disappear, so that `on` needs to know one spelling only.
Status normalise_switch(const Option& option, Values& values) {
  std::vector<std::string>& texts = values[option.name];
  bool set = false;
  if (!texts.empty()) {
    SHOAL_TRY(set, parse_switch(texts.back(), option.name));
  }
  if (set) texts = {"true"};
  else values.erase(option.name);
  return {};
}

Status check_single(const Option& option, const File& file) {
  auto key = file.values.find(option.config_key);
  if (option.repeatable || option.config_key.empty() || key == file.values.end() || key->second.texts.size() < 2) return {};
  return fail(ErrorCode::usage, "'" + option.config_key + "' in the configuration file takes one value, not an array of several");
}

Status check_found(const Option& option, const Found& found) {
  if (found.origin == "default") return {};
  for (std::size_t i = 0; i < found.texts.size(); ++i) {
    if (Status checked = check_value(option, found.texts[i]); !checked.ok())
      return fail(checked.error().code, place_of(found, i) + ": " + without_secrets(checked.error().message));
  }
  return {};
}

Status resolve_option(const Option& option, const Command& command, const Values& given, const File& file, Resolved& resolved) {
  SHOAL_CHECK(check_single(option, file));
  Found found = first_source(option, given, file);
  bool empty = found.texts.empty() || (found.texts.size() == 1 && found.texts.front().empty());
  if (option.required && empty) return missing(option.name, variable_of(option), command.path);
  SHOAL_CHECK(check_found(option, found));
  if (!found.warning.empty()) resolved.warnings.push_back(found.warning);
  resolved.origins[option.name] = found.origin;
  if (!found.texts.empty()) resolved.values[option.name] = std::move(found.texts);
  return option.value.empty() ? normalise_switch(option, resolved.values) : Status{};
}

Status resolve_positional(const Positional& positional, const Command& command, const Values& given, Values& values) {
  auto word = given.find(positional.name);
  std::string text = word != given.end() ? word->second.back() : from_environment(positional.variable);
  const bool old_form = !positional.unless.empty() && given.contains(positional.unless);
  if (positional.required && text.empty() && !old_form) return missing(positional.name, positional.variable, command.path);
  if (text.empty()) return {};
  SHOAL_CHECK(check_word(positional.words, text).within(positional.name));
  values[positional.name] = {text};
  return {};
}

}  // namespace

std::string environment_name(const std::string& option) {
  std::string name = "SHOAL_";
  for (unsigned char c : option.substr(option.find_first_not_of('-')))
    name += std::isalnum(c) != 0 ? static_cast<char>(std::toupper(c)) : '_';
  return name;
}

std::string variable_of(const Option& option) {
  const bool is_question = option.name == "--help" || option.name == "--help-all" || (option.name == "--version" && option.value.empty());
  return option.flag_only || is_question ? "" : environment_name(option.name);
}

Result<bool> parse_switch(const std::string& text, const std::string& what) {
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0", ""}) {
    if (text == no) return false;
  }
  return fail(ErrorCode::usage, what + ": '" + text + "' is neither true nor false");
}

std::vector<ConfigKey> known_keys(const std::vector<Command>& commands) {
  std::map<std::string, ConfigKey> keys;
  auto add = [&](const std::vector<Option>& options) {
    for (const Option& option : options)
      if (!option.config_key.empty()) keys[option.config_key] = {option.config_key, option.fields, option.repeatable};
  };
  add(common_options());
  for (const Command& command : commands) add(command.options);
  std::vector<ConfigKey> list;
  for (auto& [name, key] : keys) list.push_back(std::move(key));
  return list;
}

std::string config_path(const Values& given) {
  auto flag = given.find("--config");
  return flag != given.end() ? flag->second.back() : from_environment("SHOAL_CONFIG");
}

std::string without_secrets(const std::string& text) {
  static const std::regex user("://[^/@\\s]*@"), query("(://[^\\s?]*)\\?[^\\s\"']*");
  return std::regex_replace(std::regex_replace(text, user, "://***@"), query, "$1?***");
}

Status check_value(const Option& option, const std::string& text) {
  if (option.value.empty()) return {};  // normalise_switch looks at it
  if (text.empty()) return {};
  if (option.check) return option.check(text);
  if (option.value == "TIME") return checked(parse_duration(text));
  if (option.value == "SIZE") return checked(parse_bytes(text));
  if (option.value == "RATE") return checked(parse_rate(text));
  if (option.value == "ADDR:PORT") return checked(parse_host_port(text));
  return check_word(option.words, text);
}

Result<Resolved> resolve_all(const Command& command, const Values& given, const std::vector<Command>& commands) {
  SHOAL_TRY(File file, command.reads_config ? read_file_of(given, commands) : Result<File>(File{}));
  Resolved resolved;
  for (const Option& option : common_options_of(command)) {
    if (option.name == "--help" || option.name == "--help-all" || option.name == "--version") continue;  // answered before
    SHOAL_CHECK(resolve_option(option, command, given, file, resolved));
  }
  for (const Positional& positional : command.positionals) SHOAL_CHECK(resolve_positional(positional, command, given, resolved.values));
  for (const Option& option : command.options) SHOAL_CHECK(resolve_option(option, command, given, file, resolved));
  return resolved;
}

Result<Values> resolve(const Command& command, const Values& given, const std::vector<Command>& commands) {
  SHOAL_TRY(Resolved resolved, resolve_all(command, given, commands));
  return std::move(resolved.values);
}

}  // namespace shoal::cli
