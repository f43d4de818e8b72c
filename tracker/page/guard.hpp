// Which requests the page answers at all: a browser carries other sites' requests, and a name of theirs may point here. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "http/message.hpp"

namespace shoal::page {

struct GuardRules {
  bool loopback = true;              // reached as 127.0.0.1, [::1] or localhost, at any port: it may be forwarded
  std::set<std::string> hosts = {};  // other names under which the page may be reached, in lower case, without a port
  bool tls = false;
  std::string cookie = "shoal_page";
};

/// Why the request is refused: Host is none of ours (DNS rebinding), or another site sent it. Nothing where it may go on.
std::optional<http::Response> objection(const http::Request& request, const GuardRules& rules);
/// The value of the session's cookie; empty without one.
std::string cookie_of(const http::Request& request, const std::string& name);
std::string set_cookie(const GuardRules& rules, const std::string& secret, std::chrono::seconds life);
/// With the header fields that keep the page to itself: no frame, no foreign script, no guess at types.
http::Response guarded(http::Response response);

}  // namespace shoal::page
