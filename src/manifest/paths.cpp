#include <algorithm>

#include "base/encoding.hpp"
#include "manifest/release.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t path_limit = 4096;
constexpr std::size_t component_limit = 255;

Error refuse(std::string_view path, std::string_view why) {
  return fail(ErrorCode::usage, "path '" + printable(path, 200) + "' " + std::string(why));
}

Status check_component(std::string_view path, std::string_view component) {
  if (component.empty()) return refuse(path, "has an empty component: write it without '//' and without '/' at its ends");
  if (component == "." || component == "..") return refuse(path, "has a component '" + std::string(component) + "'");
  if (component.size() > component_limit) return refuse(path, "has a component of more than 255 bytes");
  return {};
}

Status check_path(std::string_view path) {
  if (path.empty()) return refuse(path, "is empty");
  if (path.size() > path_limit) return refuse(path, "is longer than 4096 bytes");
  if (!is_utf8(path)) return refuse(path, "is not UTF-8: rename the file");
  if (has_control_characters(path)) return refuse(path, "has control characters: rename the file");
  if (path.find('\\') != std::string_view::npos) return refuse(path, "has a backslash: rename the file");
  if (path.front() == '/') return refuse(path, "is absolute");
  for (std::size_t begin = 0; begin <= path.size();) {
    std::size_t end = std::min(path.find('/', begin), path.size());
    SHOAL_CHECK(check_component(path, path.substr(begin, end - begin)));
    begin = end + 1;
  }
  return {};
}

unsigned char folded(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned char>(c - 'A' + 'a');
  // Below every character that a path may have, so that all that lies in a directory sorts together, right behind its name.
  return c == '/' ? 0 : static_cast<unsigned char>(c);
}

bool folded_less(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return folded(x) < folded(y); });
}

/// Two neighbours in folded order. The components that they share after folding must be spelt alike, and neither may be a
/// directory of the other.
Status check_neighbours(std::string_view a, std::string_view b) {
  std::size_t at = 0;
  std::size_t shared = 0;  // up to the end of the last component that both have
  while (at < a.size() && at < b.size() && folded(a[at]) == folded(b[at])) {
    if (a[at] == '/') shared = at;
    ++at;
  }
  bool a_ends = at == a.size(), b_ends = at == b.size();
  if ((a_ends || a[at] == '/') && (b_ends || b[at] == '/')) shared = at;
  if (a.substr(0, shared) != b.substr(0, shared))
    return refuse(b, "differs from '" + printable(a, 200) + "' in case alone: rename one of them");
  if (a_ends && b_ends) return refuse(a, "is there twice");
  if (shared == at && (a_ends || b_ends)) return refuse(a_ends ? a : b, "is a file and also a directory");
  return {};
}

}  // namespace

Status check_paths(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) SHOAL_CHECK(check_path(path));
  std::vector<std::string_view> sorted(paths.begin(), paths.end());
  std::sort(sorted.begin(), sorted.end(), folded_less);
  for (std::size_t i = 1; i < sorted.size(); ++i) SHOAL_CHECK(check_neighbours(sorted[i - 1], sorted[i]));
  return {};
}

}  // namespace shoal::manifest
