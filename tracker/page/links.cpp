#include "tracker/page/links.hpp"

#include <algorithm>
#include <vector>

#include "base/encoding.hpp"
#include "crypto/digest.hpp"

namespace shoal::page {
namespace {

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t secret_characters = 43;
constexpr ByteCount file_limit = 256;

fs::path origin_file(const fs::path& state) { return state / "page" / "origin"; }
fs::path links_of(const fs::path& state) { return state / "page" / "links"; }
fs::path file_of(const fs::path& state, const std::string& secret) { return links_of(state) / crypto::sha256(secret).hex(); }

/// Until when the link in a file is good; the epoch where the file says nothing of that kind.
WallTime end_of(const fs::path& file) {
  auto text = read_file(file, file_limit);
  auto until = text.ok() ? parse_time(*text) : Result<WallTime>(WallTime{});
  return until.ok() ? *until : WallTime{};
}

/// Links that ended, and the oldest of too many.
void make_room(const fs::path& state, WallTime now) {
  std::error_code ignored;
  std::vector<std::pair<WallTime, fs::path>> links;
  for (const auto& entry : fs::directory_iterator(links_of(state), ignored)) links.emplace_back(end_of(entry.path()), entry.path());
  std::sort(links.begin(), links.end());
  for (std::size_t i = 0; i < links.size(); ++i)
    if (links[i].first <= now || links.size() - i >= most_links) fs::remove(links[i].second, ignored);
}

}  // namespace

Status write_origin(const fs::path& state, const std::string& origin) {
  SHOAL_CHECK(make_directories(state / "page", 0700));
  return write_file_durably(origin_file(state), origin, Access::owner);
}

void forget_origin(const fs::path& state) {
  std::error_code ignored;
  fs::remove(origin_file(state), ignored);
}

Result<std::string> read_origin(const fs::path& state) {
  auto origin = read_file(origin_file(state), file_limit);
  if (origin.ok() || origin.error().code != ErrorCode::not_found) return origin;
  return fail(ErrorCode::not_found,
              "no tracker with a page runs in " + state.string() + ": start it with 'shoal tracker run --page 127.0.0.1:7480'");
}

Result<std::string> make_link(const fs::path& state, WallTime now) {
  SHOAL_CHECK(make_directories(links_of(state), 0700));
  make_room(state, now);
  std::string secret = to_base64url(crypto::random_bytes(secret_bytes));
  SHOAL_CHECK(create_file_durably(file_of(state, secret), format_time(now + link_life), Access::owner));
  return secret;
}

bool use_link(const fs::path& state, const std::string& secret, WallTime now) {
  if (secret.size() != secret_characters) return false;
  const fs::path file = file_of(state, secret);
  const WallTime until = end_of(file);
  std::error_code error;
  return fs::remove(file, error) && !error && now < until && until <= now + link_life;
}

}  // namespace shoal::page
