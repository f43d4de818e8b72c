// Configuration files: TOML, every key known, unknown ones rejected with a suggestion. Only config.cpp includes toml++.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace shoal {

/// Values by dotted key ("mesh.listen"), as text: one for a scalar, one for each element of an array. Durations and sizes are strings with
/// units in the file.
using ConfigValues = std::map<std::string, std::vector<std::string>>;

/// Reads a file. Fails with `usage` and file:line for bad TOML, for a key that is not in `known`, and for a value that is not a string, a
/// whole number, a boolean or an array of strings.
Result<ConfigValues> read_config(const std::filesystem::path& path, const std::vector<std::string>& known);

/// The known word nearest to a misspelt one, or nothing when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace shoal
