#include "base/config.hpp"

#include <algorithm>
#include <numeric>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/encoding.hpp"
#include "base/files.hpp"

namespace shoal {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

struct Reading {
  std::string file;
  const std::vector<std::string>& known;
  ConfigValues values;

  Error at(const toml::node& node, const std::string& message) const {
    return fail(ErrorCode::usage, file + ":" + std::to_string(node.source().begin.line) + ": " + message);
  }
  Status table(const toml::table& table, const std::string& prefix);
  bool knows_table(const std::string& key) const;
  Error unknown(const toml::node& node, const std::string& key) const;
  Status value(const std::string& key, const toml::node& node);
  Status array(const std::string& key, const toml::array& array);
};

Status Reading::table(const toml::table& table, const std::string& prefix) {
  for (const auto& [name, node] : table) {
    std::string key = prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
    const toml::table* inner = node.as_table();
    if (inner != nullptr && !knows_table(key)) return unknown(node, key);
    SHOAL_CHECK(inner != nullptr ? this->table(*inner, key) : value(key, node));
  }
  return {};
}

bool Reading::knows_table(const std::string& key) const {
  return std::any_of(known.begin(), known.end(), [&](const std::string& name) { return name.starts_with(key + "."); });
}

Error Reading::unknown(const toml::node& node, const std::string& key) const {
  std::vector<std::string> names = known;
  for (const std::string& name : known)
    if (auto dot = name.rfind('.'); dot != std::string::npos) names.push_back(name.substr(0, dot));
  std::string near = nearest(key, names);
  return at(node, "unknown key '" + printable(key) + "'" + (near.empty() ? "" : ": did you mean '" + near + "'?"));
}

Status Reading::value(const std::string& key, const toml::node& node) {
  if (std::find(known.begin(), known.end(), key) == known.end()) return unknown(node, key);
  if (auto text = node.value_exact<std::string>()) values[key] = {*text};
  else if (auto number = node.value_exact<std::int64_t>()) values[key] = {std::to_string(*number)};
  else if (auto boolean = node.value_exact<bool>()) values[key] = {*boolean ? "true" : "false"};
  else if (const toml::array* list = node.as_array()) return array(key, *list);
  else return at(node, "'" + key + "' must be a string, a whole number, true/false or an array of strings");
  return {};
}

Status Reading::array(const std::string& key, const toml::array& list) {
  std::vector<std::string> texts;
  for (const toml::node& item : list) {
    auto text = item.value_exact<std::string>();
    if (!text) return at(item, "'" + key + "' must be an array of strings");
    texts.push_back(*text);
  }
  values[key] = std::move(texts);
  return {};
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

Result<ConfigValues> read_config(const std::filesystem::path& path, const std::vector<std::string>& known) {
  SHOAL_TRY(std::string text, read_file(path, MiB));
  toml::parse_result parsed = toml::parse(text, path.string());
  if (!parsed) {
    const auto& problem = parsed.error();
    return fail(ErrorCode::usage,
                path.string() + ":" + std::to_string(problem.source().begin.line) + ": " + std::string(problem.description()));
  }
  Reading reading{path.string(), known, {}};
  SHOAL_CHECK(reading.table(parsed.table(), ""));
  return std::move(reading.values);
}

}  // namespace shoal
