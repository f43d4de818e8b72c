#include "node/gateway/request_path.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace shoal::gateway {
namespace {

constexpr std::size_t most_parameters = 64;

Result<std::string> decoded(std::string_view text) {
  auto plain = percent_decode(text);
  if (!plain.ok()) return fail(ErrorCode::usage, "the address has a '%' that is not followed by two hexadecimal digits");
  if (!is_utf8(*plain) || plain->find('\0') != std::string::npos) return fail(ErrorCode::usage, "the address is not UTF-8 text");
  return plain;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(separator, from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

}  // namespace

Result<std::vector<std::string>> path_segments(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  std::vector<std::string> segments;
  if (path.empty()) return segments;
  for (const std::string_view part : split(path, '/')) {
    SHOAL_TRY(std::string segment, decoded(part));
    segments.push_back(std::move(segment));
  }
  return segments;
}

Result<std::map<std::string, std::string>> query_parameters(std::string_view query) {
  std::map<std::string, std::string> parameters;
  if (query.empty()) return parameters;
  for (const std::string_view pair : split(query, '&')) {
    if (pair.empty()) continue;
    if (parameters.size() == most_parameters) return fail(ErrorCode::usage, "the address has too many parameters");
    std::string text(pair);
    std::replace(text.begin(), text.end(), '+', ' ');
    const auto equals = std::min(text.find('='), text.size());
    SHOAL_TRY(std::string name, decoded(std::string_view(text).substr(0, equals)));
    SHOAL_TRY(std::string value, decoded(std::string_view(text).substr(std::min(equals + 1, text.size()))));
    parameters[std::move(name)] = std::move(value);
  }
  return parameters;
}

std::string joined(const std::vector<std::string>& segments, std::size_t first) {
  std::string text;
  for (std::size_t i = first; i < segments.size(); ++i) text += (i > first ? "/" : "") + segments[i];
  return text;
}

std::string encoded_path(std::string_view path) {
  std::string text;
  for (const std::string_view part : split(path, '/'))
    text += (text.empty() && part.data() == path.data() ? "" : "/") + percent_encode(part);
  return text;
}

}  // namespace shoal::gateway
