// What paths say. For the sources of this folder.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

namespace shoal::manifest {

/// ASCII alone.
inline std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

inline std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }
/// With the slash at its end; empty at the root.
inline std::string_view folder_of(std::string_view path) { return path.substr(0, path.rfind('/') + 1); }

/// In any case.
inline bool has_ending(std::string_view path, std::initializer_list<std::string_view> endings) {
  const std::string name = lower_case(base_name(path));
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace shoal::manifest
