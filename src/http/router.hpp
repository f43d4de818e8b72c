// (method, path pattern) to handler, with the roles that may call it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "http/message.hpp"

namespace shoal::http {

/// Segments of the path that matched {braces} in the pattern, percent-decoded, in order.
using PathArguments = std::vector<std::string>;
using RouteHandler = std::function<void(Request, PathArguments, Reply)>;

/// Who may call a route.
struct Access {
  std::set<identity::Role> roles;  // certificates with one of these
  bool enrolment = false;          // connections on the enrolment ALPN, without a certificate
  bool plain = false;              // the plain test listener
};

struct Route {
  std::string method;
  std::string pattern;  // "/v1/models/{org}/{name}/channels/{channel}"
  Access access;
  RouteHandler handler;
};

/// 404 for unknown paths, 405 for known paths with another method, 403 where the role may not.
class Router {
 public:
  explicit Router(std::vector<Route> routes);
  void operator()(Request request, Reply reply) const;

 private:
  std::vector<Route> routes_;
};

/// {"error":{"code":"not_found","message":"..."}}: how every /v1 failure looks.
Response error_response(int status, const Error& error);
/// The HTTP status for a kind of failure: not_found 404, conflict 409, usage 400, not_enrolled 403, ...
int status_of(ErrorCode code);

}  // namespace shoal::http
