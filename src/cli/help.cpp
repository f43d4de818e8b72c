#include "cli/help.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "cli/parse.hpp"
#include "cli/values.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t label_width = 24;

/// Those of a command: what every command can end with, and its own failures.
std::vector<ExitCode> exit_codes_of(const Command& command) {
  std::set<int> codes{0, exit_code(ErrorCode::failed), exit_code(ErrorCode::usage), exit_code(ErrorCode::interrupted)};
  for (const ErrorCode failure : command.failures) codes.insert(exit_code(failure));
  std::vector<ExitCode> found;
  for (const ExitCode& each : exit_codes())
    if (codes.contains(each.code)) found.push_back(each);
  return found;
}

std::string exit_code_rows(const Command& command) {
  std::string out = "Exit codes:\n";
  for (const ExitCode& each : exit_codes_of(command)) {
    const std::string code = std::to_string(each.code);
    out += std::string(5 - code.size(), ' ') + code + "  " + std::string(each.meaning) + "\n";
  }
  return out;
}

/// The words of `text` in lines of at most `width` columns.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

/// "  label   text", the text wrapped beside the label, or below it where the label is too long.
std::string row(const std::string& label, const std::string& text, unsigned width) {
  std::string out = "  " + label;
  bool below = label.size() + 2 > label_width;
  std::size_t column = label_width + 2;
  bool first = !below;
  if (below) out += "\n";
  for (const std::string& line : wrapped(text, std::max<std::size_t>(width, column + 20) - column)) {
    out += std::string(first ? column - 2 - label.size() : column, ' ') + line + "\n";
    first = false;
  }
  return out;
}

std::string label_of(const Option& option) { return option.value.empty() ? option.name : option.name + " " + option.value; }

/// Default and the like; with `all` the variable and the key that set the value as well.
std::string notes_of(const Option& option, bool all) {
  std::string notes;
  auto add = [&](const std::string& note) { notes += (notes.empty() ? " [" : "; ") + note; };
  if (option.required) add("required");
  else if (!option.fallback.empty()) add("default: " + option.fallback);
  if (option.repeatable) add("repeatable");
  if (!all) return notes.empty() ? "" : notes + "]";
  const std::string separation = !option.repeatable ? "" : option.has_commas ? ", one value a line" : ", separated by commas";
  if (const std::string variable = variable_of(option); !variable.empty()) add(variable + separation);
  if (!option.config_key.empty()) add("in the file: " + option.config_key);
  return notes.empty() ? "" : notes + "]";
}

std::string option_rows(const std::vector<Option>& options, unsigned width, bool all) {
  std::string out;
  for (const Option& option : options)
    if (all || !option.rare) out += row(label_of(option), option.help + notes_of(option, all), width);
  return out;
}

std::vector<Positional> shown_positionals(const Command& command) {
  std::vector<Positional> shown;
  for (const Positional& each : command.positionals)
    if (!each.hidden) shown.push_back(each);
  return shown;
}

std::string usage_of(const Command& command) {
  std::string usage = "shoal " + command.path;
  for (const Positional& positional : shown_positionals(command))
    usage += positional.required ? " " + positional.name : " [" + positional.name + "]";
  for (const Option& option : command.options) {
    if (option.required) usage += " " + label_of(option);
  }
  return usage + " [options]";
}

std::string argument_rows(const Command& command, unsigned width) {
  std::string out;
  for (const Positional& positional : shown_positionals(command)) {
    out += row(positional.name, positional.help + (positional.variable.empty() ? "" : " [" + positional.variable + "]"), width);
  }
  return out;
}

std::string section(const std::string& title, const std::string& rows) { return rows.empty() ? "" : title + ":\n" + rows + "\n"; }

bool is_example(const std::string& line) { return line.starts_with(' ') || line.starts_with("Example"); }

/// Paragraphs are filled; indented lines are examples and stay as they are.
std::string details_text(const std::string& details, unsigned width) {
  std::string out, paragraph;
  auto end_paragraph = [&] {
    if (paragraph.empty()) return;
    for (const std::string& line : wrapped(paragraph, width)) out += line + "\n";
    paragraph.clear();
  };
  std::istringstream lines(details);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && !is_example(line)) {
      paragraph += line + " ";
      continue;
    }
    end_paragraph();
    out += line + "\n";
  }
  end_paragraph();
  return out;
}

std::string summary_rows(const std::vector<Command>& commands, const std::function<bool(const Command&)>& wanted) {
  std::string out;
  for (const Command& command : commands) {
    if (wanted(command)) out += row(command.path, command.summary, 120);
  }
  return out;
}

/// The topics in their order, and after them those that are not among `topics`.
std::vector<std::string> topics_of(const std::vector<Command>& commands) {
  std::vector<std::string> found(topics.begin(), topics.end());
  for (const Command& command : commands) {
    if (std::find(found.begin(), found.end(), command.topic) == found.end()) found.push_back(command.topic);
  }
  return found;
}

Json option_json(const Option& option) {
  Json json{{"name", option.name},
            {"value", option.value},
            {"help", option.help},
            {"default", option.fallback},
            {"required", option.required},
            {"repeatable", option.repeatable},
            {"separator", !option.repeatable  ? ""
                          : option.has_commas ? "newline"
                                              : "comma"},
            {"config_key", option.config_key},
            {"rare", option.rare},
            {"variable", variable_of(option)}};
  if (option.name == "--help") json["short"] = "-h";
  if (option.name == "--quiet") json["short"] = "-q";
  return json;
}

Json command_json(const Command& command) {
  Json positionals = Json::array(), options = Json::array();
  for (const Positional& each : shown_positionals(command))
    positionals.push_back({{"name", each.name}, {"help", each.help}, {"required", each.required}, {"variable", each.variable}});
  for (const Option& option : command.options) options.push_back(option_json(option));
  for (const Option& option : common_options_of(command)) options.push_back(option_json(option));
  Json codes = Json::array();
  for (const ExitCode& each : exit_codes_of(command)) codes.push_back(each.code);
  return {{"path", command.path},       {"summary", command.summary}, {"details", command.details}, {"topic", command.topic},
          {"usage", usage_of(command)}, {"positionals", positionals}, {"options", options},         {"exit_codes", codes}};
}

}  // namespace

Json help_json(const std::vector<Command>& commands, const std::string& version) {
  Json all = Json::array(), codes = Json::array(), common = Json::array();
  for (const Command& command : commands) all.push_back(command_json(command));
  for (const ExitCode& each : exit_codes()) codes.push_back({{"code", each.code}, {"meaning", each.meaning}});
  for (const Option& option : common_options()) common.push_back(option_json(option));
  return {{"type", "help"}, {"version", version}, {"topics", topics}, {"commands", all}, {"options", common}, {"exit_codes", codes}};
}

std::string overview(const std::vector<Command>& commands, const std::string& version) {
  std::string out = "shoal " + version + ": moves an AI checkpoint to a whole fleet, over mutual TLS, verified\n\n";
  out += "Usage: shoal COMMAND [options]\n\n";
  for (const std::string& topic : topics_of(commands)) {
    out +=
        section(topic.empty() ? "Commands" : topic, summary_rows(commands, [&](const Command& command) { return command.topic == topic; }));
  }
  out += section("Options of every command", option_rows(common_options(), 100, false));
  return out + "'shoal COMMAND --help' explains a command, with examples and exit codes.\n";
}

std::string group_help(const std::string& group, const std::vector<Command>& commands) {
  std::string out = "Usage: shoal " + group + " COMMAND [options]\n\n";
  out += section("Commands", summary_rows(commands, [&](const Command& command) { return command.path.starts_with(group + " "); }));
  return out + "'shoal " + group + " COMMAND --help' explains a command.\n";
}

std::string command_help(const Command& command, unsigned width, bool all) {
  std::string out = "shoal " + command.path + ": " + command.summary + "\n\nUsage: " + usage_of(command) + "\n\n";
  if (!command.details.empty()) out += details_text(command.details, width) + "\n";
  out += section("Arguments", argument_rows(command, width));
  out += section("Options", option_rows(command.options, width, all));
  if (all) {
    out += section("Options of every command", option_rows(common_options_of(command), width, true));
    out += "A flag wins over its variable, that over the file of --config, that over the default.\n\n";
  }
  out += exit_code_rows(command);
  return all ? out : out + "\n'shoal " + command.path + " --help-all' shows all options, and their variables and configuration keys.\n";
}

}  // namespace shoal::cli
