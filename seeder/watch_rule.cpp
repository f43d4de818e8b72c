#include "seeder/watch_rule.hpp"

#include <algorithm>
#include <regex>

#include "base/units.hpp"

namespace shoal::seeder {
namespace {

Error bad(const std::string& what) { return fail(ErrorCode::usage, what); }

/// Words at the end of the text that are "key=value".
Result<std::vector<std::pair<std::string, std::string>>> take_settings(std::string& text) {
  std::vector<std::pair<std::string, std::string>> settings;
  while (true) {
    while (text.ends_with(' ')) text.pop_back();
    const std::size_t space = text.rfind(' ');
    if (space == std::string::npos) return settings;
    const std::string word = text.substr(space + 1);
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || word.find('/') < equals) return settings;
    settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    text.resize(space);
  }
}

/// A table: its path becomes the text, the other members are settings.
Result<std::vector<std::pair<std::string, std::string>>> take_members(std::string& text) {
  SHOAL_TRY(ConfigTable table, table_of(text, WatchRule::fields()));
  std::vector<std::pair<std::string, std::string>> settings;
  for (const auto& [name, texts] : table) {
    if (name == "path") text = texts.front();
    else settings.emplace_back(name, texts.front());
  }
  return settings;
}

Status apply(WatchRule& rule, const std::string& key, const std::string& value) {
  if (key == "model") {
    SHOAL_TRY(rule.model, ModelName::parse(value).within("model"));
  } else if (key == "complete") {
    SHOAL_TRY(rule.complete, Completeness::parse(value));
  } else if (key == "channel") {
    SHOAL_TRY(rule.channel, parse_watch_channel(value));
  } else if (key == "on_change") {
    SHOAL_TRY(rule.on_change, parse_on_change(value));
  } else if (key == "allow_code_formats") {
    const bool yes = value == "yes" || value == "true";
    if (!yes && value != "no" && value != "false") return bad("allow_code_formats is yes or no, not '" + printable(value) + "'");
    rule.allow_code_formats = yes;
  } else {
    return bad("'" + printable(key) + "' is no setting of a rule; there are complete, channel, on_change, model and allow_code_formats");
  }
  return {};
}

Status split_pattern(WatchRule& rule) {
  if (!rule.pattern.starts_with('/')) return bad("the pattern starts with '/', such as /mnt/nas/{org}/{name}/{version}");
  fs::path root = "/";
  for (const fs::path& part : fs::path(rule.pattern).relative_path()) {
    if (part.empty()) continue;
    if (part == "." || part == "..") return bad("the pattern has no '.' or '..' in it");
    const bool fixed = part.string().find_first_of("{}") == std::string::npos;
    if (rule.components.empty() && fixed) root /= part;
    else rule.components.push_back(part.string());
  }
  rule.root = root;
  return {};
}

std::size_t count_of(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

Status check_placeholders(const WatchRule& rule) {
  std::size_t known = 0;
  for (const char* word : {"{org}", "{name}", "{version}"}) {
    if (count_of(rule.pattern, word) > 1) return bad(std::string(word) + " stands in the pattern twice");
    known += count_of(rule.pattern, word);
  }
  if (count_of(rule.pattern, "{") != known || count_of(rule.pattern, "}") != known)
    return bad("the pattern knows {org}, {name} and {version} only");
  if (count_of(rule.pattern, "{version}") == 0) return bad("the pattern lacks {version}");
  const bool names = count_of(rule.pattern, "{org}") + count_of(rule.pattern, "{name}") == 2;
  if (names == rule.model.has_value() || (rule.model && known > 1))
    return bad("the pattern has either {org} and {name}, or a setting model=ORG/NAME behind it");
  return {};
}

/// A regular expression with one group for each placeholder.
std::regex expression_of(const std::string& component) {
  std::string text;
  for (std::size_t at = 0; at < component.size(); ++at) {
    if (component[at] == '{') {
      text += "(.+)";
      at = component.find('}', at);  // check_placeholders has seen that there is one
    } else {
      if (std::string_view("\\^$.|?*+()[]").find(component[at]) != std::string_view::npos) text += '\\';
      text += component[at];
    }
  }
  return std::regex(text);
}

std::string& place_for(Placeholders& found, std::string_view word) {
  if (word.starts_with("{org}")) return found.org;
  return word.starts_with("{name}") ? found.name : found.version;
}

}  // namespace

Result<Completeness> Completeness::parse(std::string_view text) {
  Completeness complete;
  if (text == "safetensors") return complete;
  if (text.starts_with("marker:")) {
    complete.kind = Kind::marker;
    complete.marker = text.substr(7);
    if (!complete.marker.empty() && complete.marker.find('/') == std::string::npos) return complete;
  }
  if (text.starts_with("settled:")) {
    complete.kind = Kind::settled;
    SHOAL_TRY(complete.settling, parse_duration(text.substr(8)).within("settled"));
    return complete;
  }
  return bad("complete is marker:FILE, safetensors or settled:TIME (such as settled:10m), not '" + printable(text) + "'");
}

Result<OnChange> parse_on_change(std::string_view text) {
  if (text == "report") return OnChange::report;
  if (text == "withdraw") return OnChange::withdraw;
  if (text == "republish") return OnChange::republish;
  return bad("on_change is report, withdraw or republish, not '" + printable(text) + "'");
}

Result<std::optional<ChannelName>> parse_watch_channel(std::string_view text) {
  if (text == "none") return std::optional<ChannelName>();
  SHOAL_TRY(ChannelName channel, ChannelName::parse(text).within("channel"));
  return std::optional<ChannelName>(channel);
}

Result<WatchRule> WatchRule::parse(const std::string& text, const Defaults& defaults) {
  const std::string context = "watch '" + printable(text, 200) + "'";
  WatchRule rule;
  rule.complete = defaults.complete;
  rule.channel = defaults.channel;
  rule.on_change = defaults.on_change;
  rule.pattern = text;
  SHOAL_TRY(auto settings, (is_table(text) ? take_members(rule.pattern) : take_settings(rule.pattern)).within(context));
  for (const auto& [key, value] : settings) SHOAL_CHECK(apply(rule, key, value).within(context));
  SHOAL_CHECK(split_pattern(rule).within(context));
  SHOAL_CHECK(check_placeholders(rule).within(context));
  return rule;
}

const std::vector<ConfigField>& WatchRule::fields() {
  static const std::vector<ConfigField> fields{
      {.name = "path", .required = true}, {.name = "model"}, {.name = "complete"}, {.name = "channel"}, {.name = "on_change"},
      {.name = "allow_code_formats"}};
  return fields;
}

bool match_component(const std::string& component, const std::string& name, Placeholders& found) {
  if (component.find('{') == std::string::npos) return component == name;
  std::smatch match;
  if (!std::regex_match(name, match, expression_of(component))) return false;
  std::size_t group = 0;
  for (std::size_t at = component.find('{'); at != std::string::npos; at = component.find('{', at + 1))
    place_for(found, std::string_view(component).substr(at)) = match[++group].str();
  return true;
}

Result<VersionRef> version_of(const WatchRule& rule, const Placeholders& found) {
  VersionRef reference;
  if (rule.model) {
    reference.model = *rule.model;
  } else {
    SHOAL_TRY(reference.model, ModelName::parse(found.org + "/" + found.name));
  }
  SHOAL_TRY(reference.version, VersionName::parse(found.version));
  return reference;
}

Result<VersionName> revised(const VersionName& version, unsigned revision) {
  if (revision == 0) return version;
  return VersionName::parse(version.str() + "+" + std::to_string(revision));
}

}  // namespace shoal::seeder
