// Configuration files: TOML, every key known, unknown ones refused with a suggestion. The only door to toml++.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace shoal {

/// Values by dotted key ("mesh.listen"), as text. Durations and sizes are strings with units in the file.
using ConfigValues = std::map<std::string, std::string>;

/// Reads a file. Fails with `usage` and file:line for bad TOML, for a key that is not in `known`, for a value that is
/// not a string, a whole number or a boolean. An array of strings becomes one value joined by ','.
Result<ConfigValues> read_config(const std::filesystem::path& path, const std::vector<std::string>& known);

/// The known word nearest to a misspelt one, or nothing when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace shoal
