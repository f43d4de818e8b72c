// What the sources of the tracker's routes share: who may call them, and how their answers look.
#pragma once

#include "tracker/endpoints.hpp"

namespace shoal::tracker {

using http::PathArguments;
using http::Reply;
using http::Request;
using http::Response;
using identity::Role;

// The role table. A role that a route does not list gets 403.
inline const http::Access announcing{.roles = {Role::node, Role::seeder}};
inline const http::Access reading{.roles = {Role::tracker, Role::node, Role::seeder, Role::publisher, Role::admin}};
inline const http::Access publishing{.roles = {Role::seeder, Role::publisher, Role::admin}};
inline const http::Access renewing{.roles = {Role::node, Role::seeder, Role::publisher, Role::admin}};
inline const http::Access enrolling{.roles = {}, .enrolment = true};
inline const http::Access plain{.roles = {}, .plain = true};

inline Response json(std::string body) { return {200, "application/json", std::move(body)}; }
inline Response bencoded(std::string body) { return {200, "text/plain", std::move(body)}; }  // failures too: clients read no other status
inline Response refused(const Error& error) {
  Response response = http::error_response(http::status_of(error.code), error);
  if (response.status == 503) response.retry_after = std::chrono::seconds(1);
  return response;
}

/// Turns `work(request, arguments) -> Result<Response>` into a route's handler that runs off the server's threads.
template <class Work>
http::RouteHandler on_disk(const Parts& parts, Work work) {
  return [&offload = parts.offload, work](Request request, PathArguments arguments, const Reply& reply) {
    const std::string caller = request.peer ? request.peer->identity.id.str() : request.remote_address;
    bool taken = offload.add(caller, [work, request = std::move(request), arguments = std::move(arguments), reply] {
      Result<Response> response = work(request, arguments);
      reply(response.ok() ? std::move(response).value() : refused(response.error()));
    });
    if (!taken) reply(refused(fail(ErrorCode::unreachable, "this machine has too many requests waiting")));
  };
}

/// What a caller sent and cannot be read is the caller's mistake, whatever its reader calls it.
template <class T>
Result<T> sent(Result<T> decoded) {
  if (!decoded.ok()) decoded.error().code = ErrorCode::usage;
  return decoded;
}

inline Result<ModelName> model_of(const PathArguments& arguments) { return ModelName::parse(arguments.at(0) + "/" + arguments.at(1)); }

/// After anything that freshness statements tell of.
void say_changed(const Parts& parts);
/// The routes of endpoints_fleet.cpp.
std::vector<http::Route> fleet_routes(const Parts& parts);

}  // namespace shoal::tracker
