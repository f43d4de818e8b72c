#include "http/router.hpp"

#include <optional>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace shoal::http {
namespace {

constexpr std::size_t shown_path = 200;  // bytes of a path that an answer repeats

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= path.size();) {
    std::size_t slash = std::min(path.find('/', from), path.size());
    parts.push_back(path.substr(from, slash - from));
    from = slash + 1;
  }
  return parts;
}

bool is_argument(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

/// The arguments of a path that has the form of the pattern. Encoding that is broken matches nothing.
std::optional<PathArguments> match(std::string_view pattern, const std::vector<std::string_view>& path) {
  std::vector<std::string_view> wanted = segments(pattern);
  if (wanted.size() != path.size()) return std::nullopt;
  PathArguments arguments;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_argument(wanted[i])) {
      if (wanted[i] != path[i]) return std::nullopt;
      continue;
    }
    auto decoded = percent_decode(path[i]);
    if (!decoded.ok() || decoded->empty()) return std::nullopt;
    arguments.push_back(std::move(*decoded));
  }
  return arguments;
}

bool allowed(const Access& access, const Request& request) {
  if (request.enrolment) return access.enrolment;
  if (request.peer) return access.roles.contains(request.peer->identity.role);
  return access.plain;
}

std::string shown(const Request& request) { return request.method.substr(0, 16) + " " + request.path.substr(0, shown_path); }

Response refusal(const Request& request) {
  std::string who = request.enrolment ? "a machine that is not enrolled" : "this listener";
  if (request.peer) who = "a machine with the role " + std::string(identity::name(request.peer->identity.role));
  return error_response(403, fail(ErrorCode::not_enrolled, who + " may not " + shown(request)));
}

Response wrong_method(const Request& request, std::string allow) {
  Response response = error_response(405, fail(ErrorCode::usage, shown(request) + ": this method is not allowed here; allowed: " + allow));
  response.allow = std::move(allow);
  return response;
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

void Router::operator()(Request request, Reply reply) const {
  const std::vector<std::string_view> path = segments(request.path);
  std::string methods;
  for (const Route& route : routes_) {
    auto arguments = match(route.pattern, path);
    if (!arguments) continue;
    if (route.method == request.method) {
      if (!allowed(route.access, request)) return reply(refusal(request));
      return route.handler(std::move(request), std::move(*arguments), std::move(reply));
    }
    methods += (methods.empty() ? "" : ", ") + route.method;
  }
  if (!methods.empty()) return reply(wrong_method(request, std::move(methods)));
  reply(error_response(404, fail(ErrorCode::not_found, shown(request) + ": " + std::string(no_such_path))));
}

Response error_response(int status, const Error& error) {
  Json body{{"error", {{"code", std::string(name(error.code))}, {"message", error.message}}}};
  return {status, "application/json", body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage: return 400;
    case ErrorCode::not_enrolled: return 403;
    case ErrorCode::not_found: return 404;
    case ErrorCode::conflict: return 409;
    case ErrorCode::verification: return 422;
    case ErrorCode::unreachable:
    case ErrorCode::interrupted: return 503;
    case ErrorCode::no_space: return 507;
    case ErrorCode::failed:
    case ErrorCode::partial: return 500;
  }
  return 500;
}

}  // namespace shoal::http
