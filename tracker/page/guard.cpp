#include "tracker/page/guard.hpp"

#include <algorithm>

#include "http/router.hpp"

namespace shoal::page {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string header(const http::Request& request, const std::string& name) {
  auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

/// Without the port.
std::string name_of(const std::string& host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool is_ours(const std::string& host, const GuardRules& rules) {
  const std::string name = name_of(lower(host));
  if (rules.loopback && (name == "127.0.0.1" || name == "[::1]" || name == "localhost")) return true;
  return rules.hosts.contains(name);
}

/// Opening the page from a link elsewhere is fine, since it shows nothing without the session; all else comes from the page itself.
bool is_from_elsewhere(const http::Request& request, const GuardRules& rules) {
  const std::string origin = header(request, "origin"), site = header(request, "sec-fetch-site");
  if (!origin.empty() && lower(origin) != (rules.tls ? "https://" : "http://") + lower(header(request, "host"))) return true;
  const bool opens = request.method == "GET" && request.path == "/";
  return !site.empty() && site != "same-origin" && site != "none" && !opens;
}

http::Response refused(const std::string& why) { return http::error_response(403, fail(ErrorCode::not_enrolled, why)); }

}  // namespace

std::optional<http::Response> objection(const http::Request& request, const GuardRules& rules) {
  if (!is_ours(header(request, "host"), rules)) return refused("the page is not served under this name");
  if (is_from_elsewhere(request, rules)) return refused("the page answers no requests of other sites");
  return std::nullopt;
}

std::string cookie_of(const http::Request& request, const std::string& name) {
  const std::string all = header(request, "cookie");
  for (std::size_t from = 0; from < all.size();) {
    std::size_t end = std::min(all.find(';', from), all.size());
    std::string pair = all.substr(from, end - from);
    pair.erase(0, std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.starts_with(name + "=")) return pair.substr(name.size() + 1);
    from = end + 1;
  }
  return "";
}

std::string set_cookie(const GuardRules& rules, const std::string& secret, std::chrono::seconds life) {
  return rules.cookie + "=" + secret + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(life.count()) +
         (rules.tls ? "; Secure" : "");
}

http::Response guarded(http::Response response) {
  const std::pair<std::string, std::string> fields[] = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
       "frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cache-Control", "no-store"},
  };
  for (const auto& field : fields) response.fields.push_back(field);
  return response;
}

}  // namespace shoal::page
