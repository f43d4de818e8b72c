#include "cli/completion.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "cli/parse.hpp"
#include "cli/values.hpp"

namespace shoal::cli {
namespace {

using Candidate = Completion::Candidate;
using Files = Completion::Files;

/// The words before the one that is being typed.
struct Typed {
  std::string path;                  // "channel set", or "channel" while its command is missing
  const Command* command = nullptr;  // null: a group, or nothing yet
  std::size_t arguments = 0;
  const Option* open = nullptr;  // its value is being typed
  std::map<std::string, std::string> values;
  bool only_arguments = false;  // after "--"
};

const Option* find_option(const Typed& typed, const std::string& name) {
  auto look = [&](const std::vector<Option>& options) -> const Option* {
    auto found = std::find_if(options.begin(), options.end(), [&](const Option& option) { return option.name == name; });
    return found == options.end() ? nullptr : &*found;
  };
  const Option* own = typed.command == nullptr ? nullptr : look(typed.command->options);
  return own != nullptr ? own : look(common_options());
}

void take_option(Typed& typed, const std::string& word) {
  const std::size_t equals = word.find('=');
  const Option* option = find_option(typed, word.substr(0, equals));
  if (option == nullptr || option->value.empty()) return;
  if (equals == std::string::npos) typed.open = option;
  else typed.values[option->name] = word.substr(equals + 1);
}

void take_word(Typed& typed, const std::string& word, const std::vector<Command>& commands) {
  if (typed.command != nullptr) {
    ++typed.arguments;
    return;
  }
  typed.path += (typed.path.empty() ? "" : " ") + word;
  for (const Command& command : commands)
    if (command.path == typed.path) typed.command = &command;
}

Typed typed_before(const std::vector<std::string>& words, const std::vector<Command>& commands) {
  Typed typed;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (typed.open != nullptr) typed.values[std::exchange(typed.open, nullptr)->name] = word;
    else if (word == "--") typed.only_arguments = true;
    else if (word.starts_with("-") && !typed.only_arguments) take_option(typed, word);
    else if (!(typed.path.empty() && word == "help")) take_word(typed, word, commands);
  }
  return typed;
}

std::string state_of(const Typed& typed) {
  if (auto given = typed.values.find("--state"); given != typed.values.end()) return given->second;
  const Option* option = find_option(typed, "--state");
  if (option == nullptr) return "";
  const char* variable = std::getenv(variable_of(*option).c_str());
  return variable != nullptr && *variable != '\0' ? variable : option->fallback;
}

/// "yes|no" and the like have words; what is named DIR or FILE is the shell's to complete.
Files files_of(const std::string& name) {
  static const std::set<std::string> files{"FILE", "SRC", "PUBKEY", "PUBKEY[=PATTERN]"};
  if (name == "DIR") return Files::directories;
  return files.contains(name) ? Files::any : Files::none;
}

template <class Declared>
Completion values_of(const Declared& declared, const std::string& shape, const Typed& typed, const LocalNames& names) {
  Completion found{{}, files_of(shape)};
  for (const std::string& word : declared.words) found.candidates.push_back({word});
  if (declared.names.empty() || !names) return found;
  for (const std::string& name : names(declared.names, state_of(typed))) found.candidates.push_back({name});
  return found;
}

Completion options_of(const Typed& typed) {
  Completion found;
  auto add = [&](const std::vector<Option>& options) {
    for (const Option& option : options)
      if (option.repeatable || !typed.values.contains(option.name)) found.candidates.push_back({option.name, option.help});
  };
  if (typed.command != nullptr) add(typed.command->options);
  add(typed.command == nullptr ? common_options() : common_options_of(*typed.command));
  return found;
}

Completion commands_after(const std::string& path, const std::vector<Command>& commands) {
  std::map<std::string, std::string> found;
  const std::string before = path.empty() ? "" : path + " ";
  for (const Command& command : commands) {
    if (!command.path.starts_with(before)) continue;
    const std::string rest = command.path.substr(before.size()), word = rest.substr(0, rest.find(' '));
    std::string& help = found[word];
    help = word == rest ? command.summary : help + (help.empty() ? "" : ", ") + rest.substr(word.size() + 1);
  }
  Completion completion;
  for (const auto& [word, help] : found) completion.candidates.push_back({word, help});
  return completion;
}

Completion arguments_of(const Typed& typed, const LocalNames& names) {
  std::vector<Positional> shown;
  for (const Positional& each : typed.command->positionals)
    if (!each.hidden) shown.push_back(each);
  if (typed.arguments >= shown.size()) return {};
  const Positional& argument = shown[typed.arguments];
  return values_of(argument, argument.name, typed, names);
}

Completion all_of(const Typed& typed, const std::string& word, const std::vector<Command>& commands, const LocalNames& names) {
  if (typed.open != nullptr) return values_of(*typed.open, typed.open->value, typed, names);
  if (word.starts_with("-") && !typed.only_arguments) return options_of(typed);
  return typed.command != nullptr ? arguments_of(typed, names) : commands_after(typed.path, commands);
}

}  // namespace

Completion complete(const std::vector<std::string>& words, const std::vector<Command>& commands, const LocalNames& names) {
  Typed typed = typed_before(words, commands);
  std::string word = words.empty() ? "" : words.back();
  const std::size_t equals = word.find('=');
  if (typed.open == nullptr && word.starts_with("--") && equals != std::string::npos) {
    typed.open = find_option(typed, word.substr(0, equals));
    word.erase(0, equals + 1);
    if (typed.open == nullptr) return {};
  }
  Completion completion = all_of(typed, word, commands, names);
  std::erase_if(completion.candidates, [&](const Candidate& each) { return !each.text.starts_with(word); });
  return completion;
}

std::string lines_of(const Completion& completion) {
  std::string lines;
  if (completion.files == Files::any) lines += ":files\n";
  if (completion.files == Files::directories) lines += ":directories\n";
  for (const Candidate& each : completion.candidates) {
    const std::string help = each.help.substr(0, each.help.find('\n'));
    lines += each.text + (help.empty() ? "" : "\t" + help) + "\n";
  }
  return lines;
}

}  // namespace shoal::cli
