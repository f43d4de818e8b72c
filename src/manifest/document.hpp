// What the signed documents have in common. For the sources of this folder.
#pragma once

#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace shoal::manifest {

/// Keeps members in the order in which docs/formats.md shows them.
using OrderedJson = nlohmann::ordered_json;

/// The form of release, channel pointer and trust root that this software writes and reads.
inline constexpr std::uint64_t document_schema = 1;

inline Status check_schema(JsonReader& reader) {
  std::uint64_t schema = reader.number("schema");
  if (reader.ok() && schema != document_schema)
    reader.note("schema " + std::to_string(schema) + " is not known to this version of shoal: upgrade it");
  return reader.finish_lenient();
}

/// Names that were parsed are valid; those that were trusted or left empty may not be.
template <class Name>
Status check_name(std::string_view what, const Name& name) {
  Result<Name> parsed = Name::parse(name.str());
  if (!parsed.ok()) return std::move(parsed).error().within(what);
  return {};
}

inline Status check_text(std::string_view what, std::string_view text, std::size_t shortest, std::size_t longest) {
  if (text.size() < shortest || text.size() > longest)
    return fail(std::string(what) + " has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(longest) + " are allowed");
  if (!is_utf8(text) || has_control_characters(text)) return fail(std::string(what) + " '" + printable(text) + "' is not printable UTF-8");
  return {};
}

}  // namespace shoal::manifest
