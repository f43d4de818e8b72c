#include "base/config.hpp"

#include <algorithm>
#include <numeric>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/encoding.hpp"
#include "base/files.hpp"
#include "base/json.hpp"

namespace shoal {
namespace {

constexpr std::size_t most_syntax_mistakes = 20;
constexpr ByteCount table_limit = 64 * KiB;

/// Letters to insert, remove, replace or swap with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = std::exchange(last, row);
  }
  return last.back();
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : ": did you mean '" + near + "'?";
}

std::vector<std::string> names_of(const std::vector<ConfigField>& fields) {
  std::vector<std::string> names;
  for (const ConfigField& field : fields) names.push_back(field.name);
  return names;
}

/// The text of a scalar; none for dates, fractions and everything with parts.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return text;
  if (auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (auto boolean = node.value_exact<bool>()) return *boolean ? "true" : "false";
  return std::nullopt;
}

unsigned line_of(const toml::node& node) { return node.source().begin.line; }

/// Walks a parsed file and notes what it finds.
class Reading {
 public:
  Reading(const std::vector<ConfigKey>& known, ConfigReading& out) : known_(known), out_(out) {}
  void table(const toml::table& table, const std::string& prefix);

 private:
  void note(unsigned line, std::string message) { out_.mistakes.push_back({line, std::move(message)}); }
  const ConfigKey* find(const std::string& key) const;
  bool has_below(const std::string& key) const;
  void unknown(const toml::node& node, const std::string& key);
  void value(const ConfigKey& key, const toml::node& node);
  void array(const ConfigKey& key, const toml::array& list);
  void tables(const ConfigKey& key, const toml::array& list);
  ConfigTable row(const ConfigKey& key, const toml::table& table);
  std::vector<std::string> member(const ConfigField& field, const toml::node& node);

  const std::vector<ConfigKey>& known_;
  ConfigReading& out_;
};

const ConfigKey* Reading::find(const std::string& key) const {
  auto found = std::find_if(known_.begin(), known_.end(), [&](const ConfigKey& each) { return each.name == key; });
  return found == known_.end() ? nullptr : &*found;
}

bool Reading::has_below(const std::string& key) const {
  return std::any_of(known_.begin(), known_.end(), [&](const ConfigKey& each) { return each.name.starts_with(key + "."); });
}

void Reading::table(const toml::table& table, const std::string& prefix) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
    const ConfigKey* known = find(key);
    const toml::table* inner = node.as_table();
    if (inner != nullptr && has_below(key)) this->table(*inner, key);
    else if (known == nullptr) unknown(node, key);
    else if (inner != nullptr && known->fields.empty()) note(line_of(node), "'" + key + "' is a value, not a table");
    else if (inner != nullptr) note(line_of(node), "'" + key + "' is a list of tables: write [[" + key + "]]");
    else value(*known, node);
  }
}

void Reading::unknown(const toml::node& node, const std::string& key) {
  std::vector<std::string> names;
  for (const ConfigKey& each : known_) {
    names.push_back(each.name);
    if (auto dot = each.name.rfind('.'); dot != std::string::npos) names.push_back(each.name.substr(0, dot));
  }
  note(line_of(node), "unknown key '" + printable(key) + "'" + suggestion(key, names));
}

void Reading::value(const ConfigKey& key, const toml::node& node) {
  if (const toml::array* list = node.as_array()) return list->is_array_of_tables() ? tables(key, *list) : array(key, *list);
  auto text = scalar_text(node);
  if (!text) return note(line_of(node), "'" + key.name + "' must be a string, a whole number, true/false or an array of strings");
  out_.values[key.name] = {{std::move(*text)}, {line_of(node)}, line_of(node), false};
}

void Reading::array(const ConfigKey& key, const toml::array& list) {
  ConfigValue value{{}, {}, line_of(list), true};
  for (const toml::node& item : list) {
    auto text = item.value_exact<std::string>();
    if (!text) return note(line_of(item), "'" + key.name + "' must be an array of strings");
    value.texts.push_back(*text);
    value.lines.push_back(line_of(item));
  }
  out_.values[key.name] = std::move(value);
}

void Reading::tables(const ConfigKey& key, const toml::array& list) {
  if (key.fields.empty()) return note(line_of(*list.get(0)), "'" + key.name + "' is a value, not a list of tables");
  ConfigValue value{{}, {}, line_of(*list.get(0)), false};
  for (const toml::node& item : list) {
    const std::size_t mistakes = out_.mistakes.size();
    ConfigTable table = row(key, *item.as_table());
    if (out_.mistakes.size() > mistakes) continue;
    value.texts.push_back(as_text(table));
    value.lines.push_back(line_of(item));
  }
  out_.values[key.name] = std::move(value);
}

ConfigTable Reading::row(const ConfigKey& key, const toml::table& table) {
  ConfigTable row;
  for (const auto& [name, node] : table) {
    const std::string word(name.str());
    auto field = std::find_if(key.fields.begin(), key.fields.end(), [&](const ConfigField& each) { return each.name == word; });
    if (field != key.fields.end()) row[word] = member(*field, node);
    else note(line_of(node), "[[" + key.name + "]] has no key '" + printable(word) + "'" + suggestion(word, names_of(key.fields)));
  }
  for (const ConfigField& field : key.fields) {
    if (field.required && !row.contains(field.name)) note(line_of(table), "[[" + key.name + "]] lacks '" + field.name + "'");
  }
  return row;
}

std::vector<std::string> Reading::member(const ConfigField& field, const toml::node& node) {
  const toml::array* list = field.is_list ? node.as_array() : nullptr;
  if (list == nullptr) {
    auto text = scalar_text(node);
    if (!text) note(line_of(node), "'" + field.name + "' must be " + (field.is_list ? "an array of strings" : "a string or true/false"));
    return text ? std::vector<std::string>{*text} : std::vector<std::string>{};
  }
  std::vector<std::string> texts;
  for (const toml::node& item : *list) {
    auto text = item.value_exact<std::string>();
    if (text) texts.push_back(*text);
    else note(line_of(item), "'" + field.name + "' must be an array of strings");
  }
  return texts;
}

/// Where the line begins and ends in the text.
std::pair<std::size_t, std::size_t> bounds_of(const std::string& text, unsigned line) {
  std::size_t begin = 0;
  for (unsigned at = 1; at < line && begin < text.size(); ++at) begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  return {begin, std::min(text.find('\n', begin), text.size())};
}

/// Whether parsing can go on without this line: it is wrong by itself, or repeats a key. Otherwise the mistake began further up, and
/// everything below would also be reported.
bool is_local(std::string_view line, std::string_view description) {
  return !toml::parse(line) || description.find("redefine") != std::string_view::npos;
}

/// Parses what is left after each line with a syntax error is taken out.
toml::table parse_all(std::string text, std::vector<ConfigMistake>& mistakes) {
  while (true) {
    toml::parse_result parsed = toml::parse(text);
    if (parsed) return std::move(parsed).table();
    const unsigned line = parsed.error().source().begin.line;
    const std::string description(parsed.error().description());
    mistakes.push_back({line, description});
    const auto [begin, end] = bounds_of(text, line);
    const bool blank = text.find_first_not_of(" \t\r", begin) >= end;
    if (blank || mistakes.size() >= most_syntax_mistakes || !is_local(std::string_view(text).substr(begin, end - begin), description))
      return {};
    text.replace(begin, end - begin, std::string(end - begin, ' '));
  }
}

/// A member's values in JSON: a string, or an array of strings.
std::optional<std::vector<std::string>> member_values(const Json& json, bool is_list) {
  if (json.is_string()) return std::vector<std::string>{json.get<std::string>()};
  if (json.is_boolean()) return std::vector<std::string>{json.get<bool>() ? "true" : "false"};
  if (!json.is_array() || !is_list) return std::nullopt;
  std::vector<std::string> texts;
  for (const Json& item : json) {
    if (!item.is_string()) return std::nullopt;
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

}  // namespace

std::string as_text(const ConfigTable& table) {
  Json object = Json::object();
  for (const auto& [name, texts] : table) object[name] = texts.size() == 1 ? Json(texts.front()) : Json(texts);
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_table(std::string_view text) { return text.starts_with("{\"") || text == "{}"; }

Result<ConfigTable> table_of(std::string_view text, const std::vector<ConfigField>& fields) {
  auto json = parse_json(text, table_limit);
  if (!json.ok()) return fail(ErrorCode::usage, json.error().message);
  if (!json->is_object()) return fail(ErrorCode::usage, "'" + printable(text) + "' is not a JSON object");
  ConfigTable table;
  for (const auto& [name, member] : json->items()) {
    auto field = std::find_if(fields.begin(), fields.end(), [&](const ConfigField& each) { return each.name == name; });
    if (field == fields.end()) return fail(ErrorCode::usage, "unknown key '" + printable(name) + "'" + suggestion(name, names_of(fields)));
    auto texts = member_values(member, field->is_list);
    if (!texts) return fail(ErrorCode::usage, "'" + name + "' must be " + (field->is_list ? "an array of strings" : "a string"));
    table[name] = std::move(*texts);
  }
  for (const ConfigField& field : fields)
    if (field.required && !table.contains(field.name)) return fail(ErrorCode::usage, "'" + field.name + "' is missing");
  return table;
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = (word.size() <= 5 ? 1 : 2) + 1;
  for (const std::string& candidate : known) {
    std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

Result<ConfigReading> examine_config(const std::filesystem::path& path, const std::vector<ConfigKey>& known) {
  SHOAL_TRY(std::string text, read_file(path, MiB));
  ConfigReading reading;
  const toml::table parsed = parse_all(std::move(text), reading.mistakes);
  Reading(known, reading).table(parsed, "");
  auto by_line = [](const ConfigMistake& a, const ConfigMistake& b) { return a.line < b.line; };
  std::stable_sort(reading.mistakes.begin(), reading.mistakes.end(), by_line);
  return reading;
}

Result<ConfigValues> read_config(const std::filesystem::path& path, const std::vector<ConfigKey>& known) {
  SHOAL_TRY(ConfigReading reading, examine_config(path, known));
  if (reading.mistakes.empty()) return std::move(reading.values);
  const ConfigMistake& first = reading.mistakes.front();
  return fail(ErrorCode::usage, path.string() + ":" + std::to_string(first.line) + ": " + first.message);
}

}  // namespace shoal
