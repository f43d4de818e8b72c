// Input: paths, one a line.
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "manifest/release.hpp"

using namespace shoal;

namespace {

std::string folded(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// The slow way to the same answer: every file and directory by name, folded and not.
bool has_twins(const std::vector<std::string>& paths) {
  std::set<std::string> files, directories, spelt, names;
  for (const std::string& path : paths) {
    if (!files.insert(folded(path)).second) return true;
    spelt.insert(path);
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      directories.insert(folded(path.substr(0, slash)));
      spelt.insert(path.substr(0, slash));
    }
  }
  for (const std::string& file : files)
    if (directories.contains(file)) return true;
  for (const std::string& path : spelt)
    if (!names.insert(folded(path)).second) return true;
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> paths;
  std::string_view rest = fuzz::text(data, size);
  while (!rest.empty() && paths.size() < 64) {
    std::size_t end = std::min(rest.find('\n'), rest.size());
    paths.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  bool all_good_alone = true;
  for (const std::string& path : paths) all_good_alone = manifest::check_paths({path}).ok() && all_good_alone;
  bool good = manifest::check_paths(paths).ok();
  SHOAL_FUZZ_REQUIRE(good == (all_good_alone && !has_twins(paths)));
  if (!good) return 0;
  for (const std::string& path : paths) {
    std::filesystem::path inside = (std::filesystem::path("/root") / path).lexically_normal();
    SHOAL_FUZZ_REQUIRE(inside.string() == "/root/" + path);
  }
  return 0;
}
