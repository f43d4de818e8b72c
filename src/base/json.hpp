// JSON from strangers: bounded, without duplicate keys, and read field by field with errors that name the field.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/units.hpp"

namespace shoal {

using Json = nlohmann::json;

/// Strict parse: size at most `limit`, depth at most 32, no duplicate keys, valid UTF-8, nothing after the value.
Result<Json> parse_json(std::string_view text, ByteCount limit);

/// Reads the members of one JSON object and notes the first error; `finish` also refuses members that nobody asked for.
class JsonReader {
 public:
  /// `what` names the document in messages: "release", "trust root".
  JsonReader(const Json& object, std::string what);

  std::string string(const char* key);
  std::uint64_t number(const char* key);
  bool boolean(const char* key);
  /// A reference into the document; a null value after an error.
  const Json& object(const char* key);
  const Json& array(const char* key);
  bool has(const char* key) const;

  /// A string that must parse as T with `parse(std::string_view) -> Result<T>`.
  template <class T, class Parse>
  T as(const char* key, Parse parse) {
    std::string text = string(key);
    if (!status_.ok()) return T{};
    Result<T> parsed = parse(std::string_view(text));
    if (parsed.ok()) return std::move(parsed).value();
    note(std::string(key) + ": " + parsed.error().message);
    return T{};
  }

  void note(std::string message);
  bool ok() const { return status_.ok(); }
  /// The first error, or an error that names an unknown member.
  Status finish();
  /// The first error; members of later versions are let pass.
  Status finish_lenient() { return status_; }

 private:
  const Json* member(const char* key, Json::value_t type, const char* type_name);

  const Json& object_;
  std::string what_;
  std::vector<std::string> keys_;
  Status status_;
};

}  // namespace shoal
