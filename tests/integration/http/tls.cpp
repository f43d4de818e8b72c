// Who gets in.
#include "doctest/doctest.h"
#include "harness.hpp"

namespace shoal::http::test {
namespace {

using identity::Role;

TEST_CASE("a machine with a certificate of the fleet is served, and the handler knows who it is") {
  TlsSite site;
  Member node(site.fleet.node(5), site.address());
  auto response = node.get("/hello?a=b%20c");
  REQUIRE_MESSAGE(response.ok(), response.error().message);
  CHECK(response->status == 200);
  CHECK(response->body == "GET /hello ");
  Request seen = *site.seen.last.lock();
  REQUIRE(seen.peer);
  CHECK(seen.peer->identity.id == node_id(5));
  CHECK(seen.peer->identity.role == Role::node);
  CHECK_FALSE(seen.enrolment);
  CHECK(seen.query == "a=b%20c");
  CHECK(seen.remote_address == "127.0.0.1");
}

TEST_CASE("a client without a certificate gets an alert and not one byte more") {
  TlsSite site;
  RawTls client(site.server->port(), hostile_client(nullptr, {{std::string(identity::alpn_http)}}));
  client.send(get("/"));
  CHECK(client.receive_all().empty());
  CHECK(client.error().find("certificate required") != std::string::npos);
  CHECK(site.seen.requests == 0);
}

TEST_CASE("a client that speaks no TLS gets an alert and not one byte more") {
  TlsSite site;
  RawSocket client(site.server->port());
  client.send(get("/"));
  std::string answer = client.receive_all();
  CHECK(answer.size() <= 7);  // one record: type alert, version, length 2, level, description
  CHECK((answer.empty() || answer[0] == 0x15));
  CHECK_FALSE(client.gave_up());
}

TEST_CASE("no certificate with a flaw reaches the handler") {
  TlsSite site;
  for (const auto& [flaw, what] : all_flaws()) {
    CAPTURE(what);
    Presented shown = site.fleet.broken(flaw);
    RawTls client(site.server->port(), hostile_client(&shown, {{std::string(identity::alpn_http)}}));
    client.send(get("/"));
    CHECK(client.receive_all().empty());
    CHECK(site.seen.requests == 0);
  }
}

TEST_CASE("the protocol for enrolment needs no certificate and is marked") {
  TlsSite site;
  auto context = must(identity::pinned_client_context(site.fleet.authority().pin(), identity::alpn_enrol));
  SystemClock clock;
  auto client = Client::pinned(site.address(), context, clock);
  ClientRequest request{"POST", "/v1/enrol", "{}"};
  auto response = client->send(request, {});
  REQUIRE_MESSAGE(response.ok(), response.error().message);
  Request seen = *site.seen.last.lock();
  CHECK(seen.enrolment);
  CHECK_FALSE(seen.peer);
  CHECK(seen.body == "{}");
}

TEST_CASE("where enrolment is off, its protocol is refused") {
  TlsSite site({}, {}, {{std::string(identity::alpn_http)}, false, false});
  auto client = RawTls(site.server->port(), hostile_client(nullptr, {{std::string(identity::alpn_enrol)}}));
  CHECK_FALSE(client.connected());
  CHECK(site.seen.requests == 0);
}

TEST_CASE("a wrong pin ends the connection before anything is sent") {
  TlsSite site;
  auto context = must(identity::pinned_client_context(TestFleet("other-fleet").authority().pin(), identity::alpn_enrol));
  auto client = Client::pinned(site.address(), context, site.clock);
  auto response = client->send({"POST", "/v1/enrol", "secret"}, {});
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::unreachable);
  CHECK(site.seen.requests == 0);
}

TEST_CASE("a server of the fleet that is no tracker is refused by its clients") {
  TlsSite site;
  site.store.replace(site.fleet.seeder());
  Member node(site.fleet.node(), site.address());
  auto response = node.get("/");
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::unreachable);
  CHECK(response.error().message.find("seeder") != std::string::npos);

  auto context = must(identity::pinned_client_context(site.fleet.authority().pin(), identity::alpn_enrol));
  auto joiner = Client::pinned(site.address(), context, site.clock);
  CHECK_FALSE(joiner->send({"POST", "/v1/enrol", "secret"}, {}).ok());
  CHECK(site.seen.requests == 0);
}

TEST_CASE("a server of another fleet is refused by its clients") {
  TlsSite site;
  TestFleet other("other-fleet");
  Member node(other.node(), site.address());
  auto response = node.get("/");
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::unreachable);
  CHECK(response.error().message.find("its certificate was refused") != std::string::npos);
}

TEST_CASE("a machine whose certificate has expired learns that it is not enrolled any more") {
  TlsSite site;
  auto made = identity::make_request();
  identity::Authority::Grant past{
      site.fleet.identity(Role::node, node_id(3)), site.fleet.now() - std::chrono::hours(48), std::chrono::hours(24), {}};
  auto expired = must(identity::make_credentials(made.key_pem, must(site.fleet.authority().issue(made.request_pem, past)),
                                                 site.fleet.authority().certificate_pem()));
  Member node(expired, site.address());
  auto response = node.get("/");
  REQUIRE_FALSE(response.ok());
  CHECK(response.error().code == ErrorCode::not_enrolled);
  CHECK(response.error().message.find("it has expired") != std::string::npos);
  CHECK(site.seen.requests == 0);
}

TEST_CASE("credentials that are replaced show on the next connection, at both ends") {
  TlsSite site;
  Member node(site.fleet.node(4), site.address());
  REQUIRE(node.get("/").ok());
  std::string before = site.seen.last.lock()->peer->serial;

  auto renewed = site.fleet.node(4);
  node.store.replace(renewed);
  REQUIRE(node.get("/").ok());
  CHECK(site.seen.last.lock()->peer->serial == renewed.self.serial);
  CHECK(renewed.self.serial != before);

  auto tracker = site.fleet.tracker();
  site.store.replace(tracker);
  RawTls raw = site.raw(site.fleet.node());
  REQUIRE(raw.connected());
  CHECK(must(identity::inspect(SSL_get0_peer_certificate(raw.ssl()))).serial == tracker.self.serial);
}

TEST_CASE("a connection outlives its certificate, its requests do not") {
  TestFleet fleet;
  ManualClock clock(fleet.now());
  identity::CredentialStore store(fleet.tracker());
  identity::ServerTlsSource source(store, {{std::string(identity::alpn_http)}, false, false});
  Seen seen;
  auto server = must(Server::start({{"127.0.0.1", 0}, &source, {}, 1}, clock, echo(seen)));
  RawTls client(server->port(), must(identity::client_context(fleet.node(), identity::alpn_http)));
  client.send(get("/"));
  CHECK(status_in(receive_answer(client)) == 200);
  clock.advance(std::chrono::hours(25));
  client.send(get("/"));
  CHECK(status_in(client.receive_all()) == 403);
  CHECK(seen.requests == 1);
}

TEST_CASE("cutting a machine ends its connections and no others") {
  TlsSite site;
  RawTls cut = site.raw(site.fleet.node(1)), kept = site.raw(site.fleet.node(2));
  for (RawTls* client : {&cut, &kept}) {
    client->send(get("/"));
    CHECK(status_in(receive_answer(*client)) == 200);
  }
  site.server->cut(node_id(1));
  CHECK(cut.receive().empty());
  CHECK_FALSE(cut.socket().gave_up());
  kept.send(get("/"));
  CHECK(status_in(receive_answer(kept)) == 200);
}

TEST_CASE("a client without ALPN, such as a stock BitTorrent client, is served") {
  TlsSite site;
  RawTls client(site.server->port(), must(identity::client_context(site.fleet.node(), "")));
  client.send("GET /announce HTTP/1.0\r\n\r\n");
  CHECK(status_in(client.receive_all()) == 200);
}

TEST_CASE("silent handshakes end at their deadline") {
  ServerLimits limits;
  limits.handshake = 100ms;
  TlsSite site({}, limits);
  RawSocket silent(site.server->port());
  CHECK(silent.receive_all().empty());
  CHECK_FALSE(silent.gave_up());
}

}  // namespace
}  // namespace shoal::http::test
