#include "http/router.hpp"

#include <optional>

#include "base/json.hpp"
#include "doctest/doctest.h"

namespace shoal::http {
namespace {

using identity::Role;

identity::Certificate certificate_of(Role role) {
  identity::Certificate certificate;
  certificate.identity = {FleetName::trusted("test-fleet"), role, NodeId::trusted("aaaaaaaaaaaa")};
  return certificate;
}

/// Runs a request through a router whose handlers answer synchronously.
Response ask(const Router& router, Request request) {
  std::optional<Response> answer;
  router(std::move(request), Reply([&answer](Response response) { answer = std::move(response); }));
  REQUIRE(answer);
  return *answer;
}

Request request(std::string method, std::string path) {
  Request made;
  made.method = std::move(method);
  made.path = std::move(path);
  return made;
}
Request request_by(Role role, std::string method, std::string path) {
  Request made = request(std::move(method), std::move(path));
  made.peer = certificate_of(role);
  return made;
}

/// Says the route's name and the arguments.
RouteHandler echo(std::string name) {
  return [name](const Request&, const PathArguments& arguments, const Reply& reply) {
    std::string body = name;
    for (const std::string& argument : arguments) body += "|" + argument;
    reply({200, "text/plain", body});
  };
}

Router example() {
  Access nodes{{Role::node, Role::admin}, false, false}, admins{{Role::admin}, false, false};
  return Router({{"GET", "/v1/models/{org}/{name}/channels/{channel}", nodes, echo("channel")},
                 {"PUT", "/v1/models/{org}/{name}/channels/{channel}", admins, echo("set")},
                 {"GET", "/v1/models/{org}/{name}/channels", nodes, echo("channels")},
                 {"POST", "/v1/enrol", {{}, true, false}, echo("enrol")},
                 {"GET", "/announce", {{Role::node}, false, true}, echo("announce")}});
}

std::string code_in(const Response& response) {
  auto json = parse_json(response.body, 64 * KiB);
  REQUIRE(json.ok());
  return (*json)["error"]["code"].get<std::string>();
}

TEST_CASE("a route gets the segments in braces, decoded") {
  Response response = ask(example(), request_by(Role::node, "GET", "/v1/models/acme/speech%2Dsmall/channels/st%61ble"));
  CHECK(response.status == 200);
  CHECK(response.body == "channel|acme|speech-small|stable");
}

TEST_CASE("the method chooses among routes of one path") {
  CHECK(ask(example(), request_by(Role::admin, "PUT", "/v1/models/a/b/channels/c")).body == "set|a|b|c");
}

TEST_CASE("an escaped slash stays inside its argument") {
  CHECK(ask(example(), request_by(Role::node, "GET", "/v1/models/a%2Fb/c/channels")).body == "channels|a/b|c");
}

TEST_CASE("paths that are no route are not found") {
  for (const char* path : {"/", "", "/v1", "/v1/models/a/b/channels/", "/v1/models/a/b/channels/c/", "/v1/models//b/channels", "//v1/enrol",
                           "/v1/models/a/b/channels/%zz", "/v1/models/a/b/channels/%4", "/V1/enrol", "/v1/enrol/", "/v1/%65nrol"}) {
    CAPTURE(path);
    Response response = ask(example(), request_by(Role::admin, "GET", path));
    CHECK(response.status == 404);
    CHECK(code_in(response) == "not_found");
  }
}

TEST_CASE("a known path with another method names the methods that are possible") {
  for (const char* method : {"HEAD", "POST", "DELETE", "BREW", "get"}) {
    CAPTURE(method);
    Response response = ask(example(), request_by(Role::node, method, "/v1/models/a/b/channels/c"));
    CHECK(response.status == 405);
    CHECK(response.allow == "GET, PUT");
  }
}

TEST_CASE("a role that may not call a route gets 403") {
  Response response = ask(example(), request_by(Role::node, "PUT", "/v1/models/a/b/channels/c"));
  CHECK(response.status == 403);
  CHECK(code_in(response) == "not_enrolled");
  CHECK(ask(example(), request_by(Role::tracker, "GET", "/announce")).status == 403);
}

TEST_CASE("the enrolment protocol reaches enrolment and nothing else") {
  Request enrol = request("POST", "/v1/enrol");
  enrol.enrolment = true;
  CHECK(ask(example(), enrol).body == "enrol");
  Request announce = request("GET", "/announce");
  announce.enrolment = true;
  CHECK(ask(example(), announce).status == 403);
  CHECK(ask(example(), request_by(Role::admin, "POST", "/v1/enrol")).status == 403);
}

TEST_CASE("a plain listener reaches only the routes that are open to it") {
  CHECK(ask(example(), request("GET", "/announce")).body == "announce");
  CHECK(ask(example(), request("POST", "/v1/enrol")).status == 403);
  CHECK(ask(example(), request("GET", "/v1/models/a/b/channels")).status == 403);
}

TEST_CASE("an answer repeats no more than a piece of a long path") {
  Response response = ask(example(), request_by(Role::node, "GET", "/" + std::string(10000, 'x')));
  CHECK(response.status == 404);
  CHECK(response.body.size() < 500);
}

TEST_CASE("an error response is JSON even where the message is not UTF-8") {
  Response response = error_response(400, fail(ErrorCode::usage, "bad \xff\n byte"));
  CHECK(code_in(response) == "usage");
}

TEST_CASE("every kind of failure has a status") {
  CHECK(status_of(ErrorCode::usage) == 400);
  CHECK(status_of(ErrorCode::not_enrolled) == 403);
  CHECK(status_of(ErrorCode::not_found) == 404);
  CHECK(status_of(ErrorCode::conflict) == 409);
  CHECK(status_of(ErrorCode::verification) == 422);
  CHECK(status_of(ErrorCode::failed) == 500);
  CHECK(status_of(ErrorCode::unreachable) == 503);
  CHECK(status_of(ErrorCode::no_space) == 507);
}

TEST_CASE("a reply answers once, whichever copy is asked") {
  int answers = 0;
  {
    Reply reply([&answers](const Response& response) { answers += response.status; });
    Reply copy = reply;
    copy({200, "text/plain", "first"});
    reply({404, "text/plain", "second"});
  }
  CHECK(answers == 200);
}

TEST_CASE("a reply that is dropped says 500 when its last copy goes") {
  int status = 0;
  auto first = std::make_unique<Reply>([&status](const Response& response) { status = response.status; });
  auto second = std::make_unique<Reply>(*first);
  first.reset();
  CHECK(status == 0);
  second.reset();
  CHECK(status == 500);
}

}  // namespace
}  // namespace shoal::http
