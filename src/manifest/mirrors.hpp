// HTTPS mirrors of a release: places where its files also lie, each under its path. They are signed with the release and trusted with
// nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/units.hpp"

namespace shoal::manifest {

inline constexpr std::size_t mirror_count_limit = 16;
inline constexpr std::size_t mirror_url_limit = 2048;  // bytes

struct MirrorUrl {
  HostPort server;
  std::string path;  // begins and ends with '/'
};

/// "https://host[:port]/path". No user, query or fragment: an address that everybody in the fleet reads is no place for a secret. Code
/// `usage`, with the URL.
Result<MirrorUrl> parse_mirror(std::string_view url);
/// What to ask the mirror's server for: the file's path behind the mirror's, every byte percent-encoded that a path may not have (RFC
/// 3986).
std::string target_of(const MirrorUrl& mirror, std::string_view file_path);
/// At most 16, each as above, none twice.
Status check_mirrors(const std::vector<std::string>& urls);

}  // namespace shoal::manifest
