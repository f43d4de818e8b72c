#include <algorithm>
#include <set>

#include "crypto/digest.hpp"
#include "manifest/document.hpp"
#include "manifest/trust.hpp"

namespace shoal::manifest {
namespace {

using crypto::KeyId;
using crypto::PublicKey;

Error refuse(std::string why) { return fail("trust root: " + std::move(why)); }

OrderedJson hex_list(const std::vector<KeyId>& ids) {
  OrderedJson list = OrderedJson::array();
  for (const KeyId& id : ids) list.push_back(id.hex());
  return list;
}

OrderedJson to_json(const PublisherRule& rule) {
  return {{"models", rule.models}, {"keys", hex_list(rule.keys)}, {"threshold", rule.threshold}};
}

/// Every member of an array of strings, through `parse`.
template <class T, class Parse>
Result<std::vector<T>> list_from(const Json& array, std::string_view what, Parse parse) {
  std::vector<T> list;
  for (const Json& item : array) {
    if (!item.is_string()) return refuse(std::string(what) + " holds something that is not a string");
    SHOAL_TRY(T value, parse(item.get<std::string>()).within(std::string("trust root: ").append(what)));
    list.push_back(std::move(value));
  }
  return list;
}

Result<std::vector<KeyId>> key_ids_from(const Json& array, std::string_view what) { return list_from<KeyId>(array, what, KeyId::from_hex); }

Result<PublicKey> key_from(const std::string& text) {
  SHOAL_TRY(std::string der, from_base64(text));
  return PublicKey::from_der(der);
}

Result<std::string> pattern_from(const std::string& text) {
  if (text == "*") return text;
  bool all_of_org = text.ends_with("/*");
  // A pattern is a model name whose second part may be the star.
  Result<ModelName> parsed = ModelName::parse(all_of_org ? text.substr(0, text.size() - 1) + "x" : text);
  if (!parsed.ok()) return fail("'" + printable(text) + "' is not a pattern of models: write *, org/* or org/name");
  return text;
}

std::uint32_t threshold_from(JsonReader& reader, const char* key) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(reader.number(key), UINT32_MAX));
}

Result<PublisherRule> rule_from(const Json& json) {
  JsonReader reader(json, "trust root: publishers");
  const Json& models = reader.array("models");
  const Json& keys = reader.array("keys");
  PublisherRule rule;
  rule.threshold = threshold_from(reader, "threshold");
  SHOAL_CHECK(reader.finish());
  SHOAL_TRY(rule.models, list_from<std::string>(models, "models", pattern_from));
  SHOAL_TRY(rule.keys, key_ids_from(keys, "keys of publishers"));
  return rule;
}

Result<std::vector<PublisherRule>> rules_from(const Json& array) {
  std::vector<PublisherRule> rules;
  for (const Json& item : array) {
    SHOAL_TRY(PublisherRule rule, rule_from(item));
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<std::set<KeyId>> ids_of(const std::vector<PublicKey>& keys) {
  std::set<KeyId> ids;
  for (const PublicKey& key : keys)
    if (!ids.insert(key.id()).second) return refuse("key " + key.id().hex() + " is there twice");
  return ids;
}

/// A threshold that its keys can reach, over different keys that the document holds.
Status check_quorum(std::string_view what, const std::vector<KeyId>& ids, std::uint32_t threshold, const std::set<KeyId>& known) {
  std::set<KeyId> unique(ids.begin(), ids.end());
  if (unique.size() != ids.size()) return refuse(std::string(what) + " name a key twice");
  for (const KeyId& id : ids)
    if (!known.contains(id)) return refuse(std::string(what) + " name key " + id.hex() + ", which is not among the keys");
  if (threshold == 0 || threshold > unique.size())
    return refuse(std::string(what) + " have a threshold of " + std::to_string(threshold) + " with " + std::to_string(unique.size()) +
                  " keys");
  return {};
}

Status check_rules(const std::vector<PublisherRule>& rules, const std::set<KeyId>& known) {
  std::set<std::string> patterns;
  for (const PublisherRule& rule : rules) {
    if (rule.models.empty()) return refuse("a rule for publishers names no models");
    for (const std::string& pattern : rule.models) {
      SHOAL_CHECK(pattern_from(pattern).ok() ? Status() : Status(refuse("'" + printable(pattern) + "' is not a pattern of models")));
      if (!patterns.insert(pattern).second) return refuse("the pattern '" + pattern + "' is in two rules for publishers");
    }
    SHOAL_CHECK(check_quorum("publishers", rule.keys, rule.threshold, known));
  }
  return {};
}

/// The tracker's host holds these keys: they must be able to do nothing else.
Status check_tracker_keys(const TrustRoot& root, const std::set<KeyId>& known) {
  if (root.tracker_keys.empty()) return {};
  SHOAL_CHECK(check_quorum("tracker keys", root.tracker_keys, 1, known));
  std::set<KeyId> others(root.root_keys.begin(), root.root_keys.end());
  for (const PublisherRule& rule : root.publishers) others.insert(rule.keys.begin(), rule.keys.end());
  for (const KeyId& id : root.tracker_keys)
    if (others.contains(id)) return refuse("key " + id.hex() + " is the tracker's and must not be a root or publisher key as well");
  return {};
}

}  // namespace

const PublisherRule* TrustRoot::rule_for(const ModelName& model) const {
  std::string org = model.str().substr(0, model.str().find('/'));
  for (const std::string& pattern : {model.str(), org + "/*", std::string("*")}) {
    for (const PublisherRule& rule : publishers)
      if (std::find(rule.models.begin(), rule.models.end(), pattern) != rule.models.end()) return &rule;
  }
  return nullptr;
}

Status check(const TrustRoot& root) {
  SHOAL_CHECK(check_name("trust root: fleet", root.fleet));
  if (root.version == 0 || root.version > number_limit) return refuse("version is not from 1 to 2^53 - 1");
  if (root.epoch == 0 || root.epoch > number_limit) return refuse("epoch is not from 1 to 2^53 - 1");
  SHOAL_TRY(std::set<KeyId> known, ids_of(root.keys));
  SHOAL_CHECK(check_quorum("root keys", root.root_keys, root.root_threshold, known));
  SHOAL_CHECK(check_rules(root.publishers, known));
  return check_tracker_keys(root, known);
}

std::string encode(const TrustRoot& root) {
  OrderedJson keys = OrderedJson::array(), publishers = OrderedJson::array();
  for (const PublicKey& key : root.keys) keys.push_back(to_base64(key.der()));
  for (const PublisherRule& rule : root.publishers) publishers.push_back(to_json(rule));
  OrderedJson json;
  json["schema"] = document_schema;
  json["version"] = root.version;
  json["fleet"] = root.fleet.str();
  json["epoch"] = root.epoch;
  json["expires"] = format_time(root.expires);
  json["keys"] = std::move(keys);
  json["root_keys"] = hex_list(root.root_keys);
  json["root_threshold"] = root.root_threshold;
  json["publishers"] = std::move(publishers);
  if (!root.tracker_keys.empty()) json["tracker_keys"] = hex_list(root.tracker_keys);
  return json.dump();
}

Result<TrustRoot> decode_trust_root(std::string_view payload) {
  SHOAL_TRY(Json json, parse_json(payload, trust_root_limit).within("trust root"));
  JsonReader reader(json, "trust root");
  SHOAL_CHECK(check_schema(reader));
  TrustRoot root;
  root.version = reader.number("version");
  root.fleet = reader.as<FleetName>("fleet", FleetName::parse);
  root.epoch = reader.number("epoch");
  root.expires = reader.as<WallTime>("expires", parse_time);
  const Json& keys = reader.array("keys");
  const Json& root_keys = reader.array("root_keys");
  root.root_threshold = threshold_from(reader, "root_threshold");
  const Json& publishers = reader.array("publishers");
  const Json* tracker_keys = reader.has("tracker_keys") ? &reader.array("tracker_keys") : nullptr;
  SHOAL_CHECK(reader.finish());
  SHOAL_TRY(root.keys, list_from<PublicKey>(keys, "keys", key_from));
  SHOAL_TRY(root.root_keys, key_ids_from(root_keys, "root_keys"));
  SHOAL_TRY(root.publishers, rules_from(publishers));
  if (tracker_keys != nullptr) {
    SHOAL_TRY(root.tracker_keys, key_ids_from(*tracker_keys, "tracker_keys"));
  }
  SHOAL_CHECK(check(root));
  return root;
}

TrustFingerprint trust_fingerprint(std::string_view payload) { return TrustFingerprint{crypto::sha256(payload).bytes}; }

}  // namespace shoal::manifest
