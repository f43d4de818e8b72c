#include "base/json.hpp"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "base/encoding.hpp"

namespace shoal {
namespace {

constexpr int depth_limit = 32;

/// Runs along the parser: refuses what nlohmann would quietly accept.
class Strictness {
 public:
  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start) open();
    if (event == Json::parse_event_t::object_end || event == Json::parse_event_t::array_end) keys_.pop_back();
    if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second)
      throw std::runtime_error("duplicate key '" + printable(parsed.get<std::string>()) + "'");
    return true;
  }

 private:
  void open() {
    if (keys_.size() >= depth_limit) throw std::runtime_error("nested deeper than 32 levels");
    keys_.emplace_back();
  }
  std::vector<std::unordered_set<std::string>> keys_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, ByteCount limit) {
  if (text.size() > limit) return fail("JSON of " + format_bytes(text.size()) + " is larger than the limit of " + format_bytes(limit));
  // The library takes a NUL for the end of the text and would not look at what follows.
  if (auto nul = text.find('\0'); nul != std::string_view::npos) return fail("bad JSON at byte " + std::to_string(nul + 1));
  try {
    Strictness strictness;
    return Json::parse(text, [&](int depth, Json::parse_event_t event, Json& parsed) { return strictness(depth, event, parsed); });
  } catch (const Json::parse_error& problem) {
    // Its own message quotes the input, which may be 64 MiB of one string.
    return fail("bad JSON at byte " + std::to_string(problem.byte));
  } catch (const std::exception& problem) {
    return fail(std::string("bad JSON: ") + problem.what());
  }
}

JsonReader::JsonReader(const Json& object, std::string what) : object_(object), what_(std::move(what)) {
  if (!object_.is_object()) note("is not an object");
}

void JsonReader::note(std::string message) {
  if (status_.ok()) status_ = fail(what_ + ": " + std::move(message));
}

bool JsonReader::has(const char* key) const { return object_.is_object() && object_.contains(key); }

const Json* JsonReader::member(const char* key, Json::value_t type, const char* type_name) {
  if (!status_.ok()) return nullptr;
  auto found = object_.find(key);
  if (found == object_.end()) {
    note(std::string(key) + " is missing");
    return nullptr;
  }
  keys_.emplace_back(key);
  if (found->type() == type) return &*found;
  note(std::string(key) + " is not " + type_name);
  return nullptr;
}

std::string JsonReader::string(const char* key) {
  const Json* found = member(key, Json::value_t::string, "a string");
  return found != nullptr ? found->get<std::string>() : std::string();
}
std::uint64_t JsonReader::number(const char* key) {
  const Json* found = member(key, Json::value_t::number_unsigned, "a whole number of zero or more");
  return found != nullptr ? found->get<std::uint64_t>() : 0;
}
bool JsonReader::boolean(const char* key) {
  const Json* found = member(key, Json::value_t::boolean, "true or false");
  return found != nullptr && found->get<bool>();
}

namespace {
const Json& null_json() {
  static const Json null;
  return null;
}
}  // namespace

const Json& JsonReader::object(const char* key) {
  const Json* found = member(key, Json::value_t::object, "an object");
  return found != nullptr ? *found : null_json();
}
const Json& JsonReader::array(const char* key) {
  const Json* found = member(key, Json::value_t::array, "an array");
  return found != nullptr ? *found : null_json();
}

Status JsonReader::finish() {
  if (!status_.ok()) return status_;
  for (const auto& [key, value] : object_.items()) {
    if (std::find(keys_.begin(), keys_.end(), key) == keys_.end()) note("unknown member '" + printable(key) + "'");
  }
  return status_;
}

}  // namespace shoal
