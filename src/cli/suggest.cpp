#include "cli/suggest.hpp"

#include <algorithm>

#include "base/config.hpp"

namespace shoal::cli {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t most_words = 3;  // of what was typed: the rest are arguments

std::string joined(const Words& words, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + words[i];
  return text;
}

template <class Wanted>
Words paths_where(const std::vector<Command>& commands, Wanted wanted) {
  Words paths;
  for (const Command& command : commands)
    if (wanted(command)) paths.push_back(command.path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

Words called(const std::string& name, const std::vector<Command>& commands) {
  return paths_where(
      commands, [&](const Command& command) { return std::find(command.also.begin(), command.also.end(), name) != command.also.end(); });
}

/// The longest beginning of what was typed that people use for a command: "node status" before "node".
Words by_other_name(const Words& typed, const std::vector<Command>& commands) {
  for (std::size_t count = std::min(typed.size(), most_words); count > 0; --count)
    if (Words found = called(joined(typed, count), commands); !found.empty()) return found;
  return {};
}

/// The words that may follow `group` ("" for the first).
Words words_after(const std::string& group, const std::vector<Command>& commands) {
  Words words;
  const std::string before = group.empty() ? "" : group + " ";
  for (const Command& command : commands)
    if (command.path.starts_with(before)) words.push_back(words_of(command.path.substr(before.size())).front());
  return words;
}

/// Each word as it was typed where it exists, else the nearest that does; stops at the first that resembles nothing.
std::string respelled(const Words& typed, const std::vector<Command>& commands) {
  std::string path;
  for (std::size_t i = 0; i < std::min(typed.size(), most_words); ++i) {
    const Words known = words_after(path, commands);
    const bool exists = std::find(known.begin(), known.end(), typed[i]) != known.end();
    const std::string word = exists ? typed[i] : nearest(typed[i], known);
    if (word.empty()) break;
    path += (path.empty() ? "" : " ") + word;
  }
  return path;
}

Words by_spelling(const Words& typed, const std::vector<Command>& commands) {
  const std::string path = respelled(typed, commands);
  return paths_where(commands, [&](const Command& command) { return command.path == path; });
}

/// The commands of the group that was typed or misspelled.
Words by_group(const Words& typed, const std::vector<Command>& commands) {
  const std::string group = respelled(typed, commands);
  if (group.empty()) return {};
  return paths_where(commands, [&](const Command& command) { return command.path.starts_with(group + " "); });
}

/// "list" is the last word of several commands, and "node status" may be "status".
Words by_last_word(const Words& typed, const std::vector<Command>& commands) {
  const std::string& word = typed[std::min(typed.size(), std::size_t{2}) - 1];
  return paths_where(commands, [&](const Command& command) { return words_of(command.path).back() == word; });
}

/// By another name; a single word may be the last one of other commands as well.
Words by_name(const Words& typed, const std::vector<Command>& commands) {
  Words found = by_other_name(typed, commands);
  if (found.empty() || typed.size() > 1) return found;
  for (const std::string& path : by_last_word(typed, commands))
    if (std::find(found.begin(), found.end(), path) == found.end()) found.push_back(path);
  return found;
}

/// "dwnload" is near to what people call a command elsewhere.
Words by_misspelled_name(const Words& typed, const std::vector<Command>& commands) {
  Words names;
  for (const Command& command : commands) names.insert(names.end(), command.also.begin(), command.also.end());
  const std::string name = nearest(typed.front(), names);
  return name.empty() ? Words{} : called(name, commands);
}

/// The beginning that all of them have: "channel" for "channel list" and "channel set"; "" for none.
std::string group_of(const Words& paths) {
  const Words first = words_of(paths.front());
  const std::string group = first.size() > 1 ? first.front() + " " : "";
  const bool common = std::all_of(paths.begin(), paths.end(), [&](const std::string& path) { return path.starts_with(group); });
  return common ? group : "";
}

/// "'a', 'b' or 'c'".
std::string alternatives(const Words& words, const std::string& before, const std::string& after) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + before + words[i] + after;
  return text;
}

}  // namespace

std::vector<std::string> suggested(const std::vector<std::string>& typed, const std::vector<Command>& commands) {
  if (typed.empty()) return {};
  for (auto* look : {by_name, by_spelling, by_last_word, by_group, by_misspelled_name})
    if (Words found = look(typed, commands); !found.empty()) return found;
  return {};
}

std::string did_you_mean(const std::vector<std::string>& typed, const std::vector<Command>& commands) {
  const Words paths = suggested(typed, commands);
  if (paths.empty()) return "";
  const std::string group = group_of(paths);
  if (group.empty() || paths.size() < 3) return "did you mean " + alternatives(paths, "'shoal ", "'") + "?";
  Words last;
  for (const std::string& path : paths) last.push_back(path.substr(group.size()));
  return "did you mean 'shoal " + group.substr(0, group.size() - 1) + "' with " + alternatives(last, "", "") + "?";
}

}  // namespace shoal::cli
