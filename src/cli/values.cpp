#include "cli/values.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/config.hpp"
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

/// The values in a variable of a repeatable option: one a line where there are several lines or values contain commas, else separated by
/// commas.
std::vector<std::string> as_values(const Option& option, const std::string& text) {
  if (!option.repeatable) return {text};
  return split(text, option.has_commas || text.find('\n') != std::string::npos ? '\n' : ',');
}

/// An empty variable counts as not set, as in `SHOAL_JSON= shoal status`.
std::string from_environment(const std::string& variable) {
  const char* text = variable.empty() ? nullptr : std::getenv(variable.c_str());
  return text == nullptr ? "" : text;
}

std::vector<std::string> known_keys(const std::vector<Command>& commands) {
  std::vector<std::string> keys;
  auto add = [&](const std::vector<Option>& options) {
    for (const Option& option : options) {
      if (!option.config_key.empty()) keys.push_back(option.config_key);
    }
  };
  add(common_options());
  for (const Command& command : commands) add(command.options);
  return keys;
}

Result<ConfigValues> read_file_of(const Values& given, const std::vector<Command>& commands) {
  auto flag = given.find("--config");
  std::string path = flag != given.end() ? flag->second.back() : from_environment("SHOAL_CONFIG");
  if (path.empty()) return ConfigValues{};
  auto values = read_config(path, known_keys(commands));
  if (values.ok()) return values;
  return fail(ErrorCode::usage, "cannot use the configuration file: " + values.error().message);
}

std::vector<std::string> first_source(const Option& option, const Values& given, const ConfigValues& file) {
  if (auto flag = given.find(option.name); flag != given.end()) return flag->second;
  if (std::string text = from_environment(variable_of(option)); !text.empty()) return as_values(option, text);
  if (auto key = file.find(option.config_key); !option.config_key.empty() && key != file.end()) return key->second;
  return option.fallback.empty() ? std::vector<std::string>{} : as_values(option, option.fallback);
}

/// Variables used to set arguments and --version too. A script that still relies on this learns why it fails.
std::string advice(const std::string& name, const std::string& variable) {
  if (!variable.empty()) return ": give it, or set " + variable;
  const std::string former = environment_name(name);
  return from_environment(former).empty() ? ": give it on the command line"
                                          : ": give it on the command line; " + former + " is set, but no longer read";
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

Status check_file(const Option& option, const ConfigValues& file) {
  auto key = file.find(option.config_key);
  if (option.repeatable || option.config_key.empty() || key == file.end() || key->second.size() < 2) return {};
  return fail(ErrorCode::usage, "'" + option.config_key + "' in the configuration file takes one value, not an array of several");
}

Status resolve_option(const Option& option, const Command& command, const Values& given, const ConfigValues& file, Values& values) {
  SHOAL_CHECK(check_file(option, file));
  std::vector<std::string> found = first_source(option, given, file);
  bool empty = found.empty() || (found.size() == 1 && found.front().empty());
  if (option.required && empty) return missing(option.name, variable_of(option), command.path);
  if (!found.empty()) values[option.name] = std::move(found);
  return option.value.empty() ? normalise_switch(option, values) : Status{};
}

Status resolve_positional(const Positional& positional, const Command& command, const Values& given, Values& values) {
  auto word = given.find(positional.name);
  std::string text = word != given.end() ? word->second.back() : from_environment(positional.variable);
  if (positional.required && text.empty()) return missing(positional.name, positional.variable, command.path);
  if (!text.empty()) values[positional.name] = {text};
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
  const bool is_question = option.name == "--help" || (option.name == "--version" && option.value.empty());
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

Result<Values> resolve(const Command& command, const Values& given, const std::vector<Command>& commands) {
  SHOAL_TRY(ConfigValues file, read_file_of(given, commands));
  Values values;
  for (const Option& option : common_options_of(command)) {
    if (option.name == "--help" || option.name == "--version") continue;  // answered before
    SHOAL_CHECK(resolve_option(option, command, given, file, values));
  }
  for (const Positional& positional : command.positionals) SHOAL_CHECK(resolve_positional(positional, command, given, values));
  for (const Option& option : command.options) SHOAL_CHECK(resolve_option(option, command, given, file, values));
  return values;
}

}  // namespace shoal::cli
