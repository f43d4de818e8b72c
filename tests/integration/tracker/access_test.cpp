// Callers get in, or not, and as far as they may: certificates against the running tracker, roles against routes, the plain listener.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <set>

#include "doctest/doctest.h"
#include "running_fleet.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

UniqueFd connect_to(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect");
  timeval patience{20, 0};  // a server that says nothing at all fails the test instead of hanging it
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return fd;
}

struct Answer {
  bool handshake = false;
  std::string text;  // what came back to the request
};

/// Handshakes as one who keeps no rules, asks, and reads until the tracker ends the connection.
Answer ask(std::uint16_t port, const identity::TlsContext& context, const std::string& request) {
  UniqueFd fd = connect_to(port);
  std::unique_ptr<SSL, identity::Free<SSL_free>> ssl(SSL_new(context.native()));
  SSL_set_fd(ssl.get(), fd.get());
  Answer answer;
  answer.handshake = SSL_connect(ssl.get()) == 1;
  if (answer.handshake) SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
  char buffer[4096];
  for (int got = 0; answer.handshake && (got = SSL_read(ssl.get(), buffer, sizeof buffer)) > 0;)
    answer.text.append(buffer, static_cast<std::size_t>(got));
  ERR_clear_error();
  return answer;
}

std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: tracker\r\nConnection: close\r\n\r\n"; }

const std::vector<std::string> http_alpn{std::string(identity::alpn_http)};
const std::vector<std::string> enrol_alpn{std::string(identity::alpn_enrol)};

}  // namespace

TEST_CASE("a certificate that is not quite right gets not a byte from the tracker") {
  RunningFleet fleet;
  fleet.start();
  Presented good = as_presented(fleet.fleet.node());
  REQUIRE(ask(fleet.port(), hostile_client(&good, {.alpn = http_alpn}), get("/v1/status")).text.starts_with("HTTP/1.1 200"));
  for (const auto& [flaw, what] : all_flaws()) {
    CAPTURE(what);
    Presented shown = fleet.fleet.broken(flaw);
    CHECK(ask(fleet.port(), hostile_client(&shown, {.alpn = http_alpn}), get("/v1/status")).text.empty());
    CHECK(ask(fleet.port(), hostile_client(&shown), get("/v1/status")).text.empty());
  }
  CHECK(all_flaws().size() >= 20);
}

TEST_CASE("without a certificate there is nothing but enrolment") {
  RunningFleet fleet;
  fleet.start();
  CHECK(ask(fleet.port(), hostile_client(nullptr), get("/v1/status")).text.empty());
  CHECK(ask(fleet.port(), hostile_client(nullptr, {.alpn = http_alpn}), get("/v1/status")).text.empty());
  CHECK(ask(fleet.port(), hostile_client(nullptr, {.alpn = {"h2"}}), get("/v1/status")).text.empty());
  for (const char* target : {"/v1/status", "/announce", "/scrape", "/v1/models/acme/chat/versions", "/v1/releases/x"}) {
    auto answer = ask(fleet.port(), hostile_client(nullptr, {.alpn = enrol_alpn}), get(target));
    CAPTURE(target);
    CHECK(answer.text.starts_with("HTTP/1.1 403"));
  }
  auto large = ask(fleet.port(), hostile_client(nullptr, {.alpn = enrol_alpn}),
                   "POST /v1/enrol HTTP/1.1\r\nHost: t\r\nContent-Length: 70000\r\n\r\n");
  CHECK(large.text.starts_with("HTTP/1.1 413"));
}

TEST_CASE("older TLS is not spoken, and no ticket is given") {
  RunningFleet fleet;
  fleet.start();
  Presented good = as_presented(fleet.fleet.node());
  CHECK_FALSE(ask(fleet.port(), hostile_client(&good, {.alpn = http_alpn, .min_version = TLS1_2_VERSION, .max_version = TLS1_2_VERSION}),
                  get("/v1/status"))
                  .handshake);
  int tickets = 0;
  auto context = hostile_client(&good, {.alpn = http_alpn});
  SSL_CTX_set_app_data(context.native(), &tickets);
  SSL_CTX_set_session_cache_mode(context.native(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context.native(), [](SSL* ssl, SSL_SESSION*) {
    ++*static_cast<int*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    return 0;
  });
  CHECK(ask(fleet.port(), context, get("/v1/status")).text.starts_with("HTTP/1.1 200"));
  CHECK(tickets == 0);
}

TEST_CASE("each route is for the roles of the table and for no other") {
  RunningFleet fleet;
  fleet.start();
  const std::string here = "/v1/models/acme/chat";
  const std::string id(64, '0');
  struct Line {
    const char* method;
    std::string target;
    std::set<Role> roles;
  };
  const std::set<Role> members{Role::node, Role::seeder, Role::publisher, Role::admin};
  // Commands on the tracker's host read with the tracker's identity.
  const std::set<Role> readers{Role::tracker, Role::node, Role::seeder, Role::publisher, Role::admin};
  const std::set<Role> writers{Role::seeder, Role::publisher, Role::admin};
  const std::vector<Line> table{
      {"GET", "/announce", {Role::node, Role::seeder}},
      {"GET", "/scrape", readers},
      {"POST", "/v1/enrol", {}},
      {"POST", "/v1/renew", members},
      {"PUT", here + "/versions/1.0", writers},
      {"GET", here + "/versions/1.0", readers},
      {"GET", here + "/versions", readers},
      {"GET", "/v1/releases/" + id, readers},
      {"GET", "/v1/releases/" + id + "/metainfo", readers},
      {"PUT", here + "/channels/stable", writers},
      {"GET", here + "/channels/stable", readers},
      {"GET", here + "/channels", readers},
      {"GET", "/v1/status", readers},
  };
  unsigned number = 10;
  for (Role role : {Role::tracker, Role::node, Role::seeder, Role::publisher, Role::admin}) {
    auto member = fleet.member(role, ++number);
    for (const Line& line : table) {
      CAPTURE(identity::name(role));
      CAPTURE(line.target);
      auto response = member->send(line.method, line.target, line.method == std::string("GET") ? "" : "{}");
      bool renews_unknown = line.target == "/v1/renew";  // no such machine: 403 too, or 400 for the empty request
      if (!line.roles.contains(role)) CHECK(response.status == 403);
      else if (!renews_unknown) CHECK(response.status != 403);
      else CHECK(response.body.find("may not") == std::string::npos);
    }
    CHECK(member->send("POST", "/announce").status == 405);
    CHECK(member->send("HEAD", "/announce").status == 405);
    CHECK(member->send("GET", "/v1/elsewhere").status == 404);
  }
}

TEST_CASE("the plain listener announces and scrapes on loopback, and does nothing else") {
  RunningFleet fleet;
  fleet.start();
  CHECK(fleet.running->plain_listen().port == 0);  // off unless asked for
  auto seeder = fleet.join(Role::seeder);
  must(seeder->client.publish(model, version, fleet.signed_release().encode(), metainfo));
  fleet.stop();
  fleet.options.plain_listen = {"127.0.0.1", 0};
  fleet.start();
  auto ask_plain = [&](const std::string& target) {
    UniqueFd fd = connect_to(fleet.running->plain_listen().port);
    std::string request = get(target), text;
    must(::send(fd.get(), request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()), "send");
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
    return text;
  };
  const std::string hash = percent_encode(fleet.release().swarm.info_hash.view());
  auto announce = [&](const std::string& peer_id, int port) {
    return ask_plain("/announce?info_hash=" + hash + "&peer_id=" + peer_id + "&port=" + std::to_string(port) +
                     "&left=1&uploaded=0&downloaded=0&compact=0");
  };
  CHECK(announce("-XX0001-aaaaaaaaaaaa", 7001).starts_with("HTTP/1.1 200"));
  CHECK(announce("-XX0001-bbbbbbbbbbbb", 7002).find("7:peer id20:-XX0001-aaaaaaaaaaaa") != std::string::npos);
  CHECK(announce(peer_id_of(node_id(3)), 7003).find("failure reason") != std::string::npos);  // names a machine without its certificate
  CHECK(ask_plain("/scrape?info_hash=" + hash).find("10:incompletei2e") != std::string::npos);
  CHECK(ask_plain("/v1/status").starts_with("HTTP/1.1 404"));
  CHECK(ask_plain("/v1/enrol").starts_with("HTTP/1.1 404"));
}

TEST_CASE("the plain listener is refused on an address that others reach") {
  RunningFleet fleet;
  fleet.options.plain_listen = {"0.0.0.0", 0};
  auto running = tracker::Tracker::start(fleet.options, fleet.clock);
  REQUIRE_FALSE(running.ok());
  CHECK(running.error().code == ErrorCode::usage);
}
