#include "manifest/mirrors.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace shoal::manifest {
namespace {

Error bad_mirror(std::string_view url, const std::string& why) {
  return fail(ErrorCode::usage, "mirror '" + printable(url, 200) + "' " + why + ": write a URL such as https://models.example/llama-1.0/");
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~/").find(c) != std::string_view::npos;
}

}  // namespace

Result<MirrorUrl> parse_mirror(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (url.size() > mirror_url_limit) return bad_mirror(url, "is longer than 2048 bytes");
  if (!url.starts_with(scheme)) return bad_mirror(url, "does not start with https://");
  auto visible = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!std::all_of(url.begin(), url.end(), visible)) return bad_mirror(url, "has a space, a control character or one beyond ASCII");
  if (url.find_first_of("?#@\\") != std::string_view::npos) return bad_mirror(url, "has a user, a query, a fragment or a backslash");
  const std::string_view rest = url.substr(scheme.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  std::string authority(rest.substr(0, slash));
  const bool has_port = authority.rfind(':') != std::string::npos && !authority.ends_with(']');
  auto server = parse_host_port(has_port ? authority : authority + ":443");
  if (!server || server->port == 0) return bad_mirror(url, "has no host");
  std::string path(rest.substr(slash));
  if (!path.ends_with('/')) path += '/';
  return MirrorUrl{std::move(server).value(), std::move(path)};
}

std::string target_of(const MirrorUrl& mirror, std::string_view file_path) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string target = mirror.path;
  for (char c : file_path) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c)) target += c;
    else target.append({'%', digits[byte >> 4], digits[byte & 15]});
  }
  return target;
}

Status check_mirrors(const std::vector<std::string>& urls) {
  if (urls.size() > mirror_count_limit) return fail(ErrorCode::usage, "more than 16 mirrors");
  for (std::size_t i = 0; i < urls.size(); ++i) {
    SHOAL_CHECK(parse_mirror(urls[i]));
    if (std::find(urls.begin(), urls.begin() + static_cast<std::ptrdiff_t>(i), urls[i]) != urls.begin() + static_cast<std::ptrdiff_t>(i))
      return bad_mirror(urls[i], "is there twice");
  }
  return {};
}

}  // namespace shoal::manifest
