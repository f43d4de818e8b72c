// Files that hold what the program is known to write.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace shoal::test {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The content of tests/data/NAME. With SHOAL_UPDATE_GOLDEN set the file is written with `actual` first: look at the diff.
inline std::string golden(const std::string& name, const std::string& actual) {
  std::filesystem::path path = std::filesystem::path(SHOAL_TEST_DATA) / name;
  if (std::getenv("SHOAL_UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << actual;
  }
  return read_text(path);
}

}  // namespace shoal::test
