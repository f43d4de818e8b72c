#include "tracker/page/sessions.hpp"

#include <algorithm>

#include "crypto/digest.hpp"

namespace shoal::page {
namespace {

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t longest_secret = 64;

}  // namespace

std::string Sessions::begin() {
  std::string secret = to_base64url(crypto::random_bytes(secret_bytes));
  ends_.with([&](auto& ends) {
    std::erase_if(ends, [now = clock_.steady_now()](const auto& each) { return each.second <= now; });
    if (ends.size() >= most)
      ends.erase(std::min_element(ends.begin(), ends.end(), [](const auto& a, const auto& b) { return a.second < b.second; }));
    ends[crypto::sha256(secret)] = clock_.steady_now() + life;
  });
  return secret;
}

std::optional<Session> Sessions::find(const std::string& secret) const {
  if (secret.empty() || secret.size() > longest_secret) return std::nullopt;
  return ends_.with([&](const auto& ends) -> std::optional<Session> {
    auto found = ends.find(crypto::sha256(secret));
    if (found == ends.end() || found->second <= clock_.steady_now()) return std::nullopt;
    return Session{found->first, found->second};
  });
}

void Sessions::end(const Session& session) { ends_.lock()->erase(session.id); }

}  // namespace shoal::page
