// The path and the query of a request, decoded. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace shoal::gateway {

/// The segments of a path, each percent-decoded, so that a revision such as refs%2Fpr%2F1 stays one. Names are only ever compared with
/// those of a release, so ".." and encoded slashes lead nowhere. Code `usage` for encoding that is broken, NUL or text that is not UTF-8.
Result<std::vector<std::string>> path_segments(std::string_view path);

/// The parameters of a query; of a name that comes twice the last counts. '+' is a space. Broken encoding is code `usage`.
Result<std::map<std::string, std::string>> query_parameters(std::string_view query);

/// The segments from `first` on, joined by '/'.
std::string joined(const std::vector<std::string>& segments, std::size_t first);

/// Escapes all but '/' and the unreserved characters.
std::string encoded_path(std::string_view path);

}  // namespace shoal::gateway
