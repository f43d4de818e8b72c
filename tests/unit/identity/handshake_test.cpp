// Each end of a handshake accepts and refuses the right certificates, with both ends in memory.
#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::identity;
using namespace shoal::test;

namespace {

TlsContext http_server(const TestFleet& fleet) { return must(server_context(fleet.tracker(), {{std::string(alpn_http)}, false, true})); }
TlsContext mesh_server(const TestFleet& fleet) { return must(server_context(fleet.node(3), {{std::string(alpn_mesh)}, true, false})); }

HostileTls offering(std::vector<std::string> alpn) { return {std::move(alpn)}; }

bool refused_by_server(const TlsPair& pair) { return !pair.server_done && !pair.client_error.empty(); }

bool mentions(const std::string& text, std::string_view word) { return text.find(word) != std::string::npos; }

/// Sends text one way and gives back what arrives.
std::string sent(SSL* from, SSL* to, std::string_view text) {
  std::string arrived(text.size(), '\0');
  if (SSL_write(from, text.data(), static_cast<int>(text.size())) <= 0) return "write failed: " + tls_error();
  if (SSL_read(to, arrived.data(), static_cast<int>(arrived.size())) <= 0) return "read failed: " + tls_error();
  return arrived;
}

}  // namespace

TEST_CASE("two members of a fleet agree on TLS 1.3 and learn who the other is") {
  TestFleet fleet;
  auto client = must(client_context(fleet.node(1), alpn_mesh));
  TlsPair pair = handshake(client, mesh_server(fleet));
  REQUIRE(pair.server_error == "");
  REQUIRE(pair.client_error == "");
  CHECK(SSL_version(pair.client.get()) == TLS1_3_VERSION);
  CHECK(std::string(SSL_get_cipher(pair.client.get())) == "TLS_AES_128_GCM_SHA256");
  CHECK(agreed_alpn(pair.client.get()) == alpn_mesh);
  CHECK(agreed_alpn(pair.server.get()) == alpn_mesh);
  CHECK(must(peer_certificate(pair.server.get(), fleet.name(), fleet.now())).identity.id == node_id(1));
  CHECK(must(peer_certificate(pair.client.get(), fleet.name(), fleet.now())).identity.id == node_id(3));
  CHECK(sent(pair.client.get(), pair.server.get(), "hello") == "hello");
  CHECK(sent(pair.server.get(), pair.client.get(), "welcome") == "welcome");
}

TEST_CASE("a server refuses each broken client certificate") {
  TestFleet fleet;
  for (const auto& server : {http_server(fleet), mesh_server(fleet)}) {
    for (const auto& [flaw, what] : all_flaws()) {
      CAPTURE(what);
      Presented shown = fleet.broken(flaw);
      TlsPair pair = handshake(hostile_client(&shown, offering({"http/1.1", "shoal-bt/1"})), server);
      CHECK(refused_by_server(pair));
      CHECK(!peer_certificate(pair.server.get(), fleet.name(), fleet.now()).ok());
      CHECK(mentions(pair.client_error, "alert"));
    }
  }
}

TEST_CASE("a client refuses each broken server certificate before it sends a byte") {
  TestFleet fleet;
  auto client = must(client_context(fleet.node(), alpn_http));
  for (const auto& [flaw, what] : all_flaws()) {
    CAPTURE(what);
    TlsPair pair = handshake(client, hostile_server(fleet.broken(flaw)));
    CHECK(!pair.client_done);
    CHECK(!pair.server_done);
    CHECK(!peer_certificate(pair.client.get(), fleet.name(), fleet.now()).ok());
  }
  TlsPair good = handshake(client, hostile_server(fleet.broken(Flaw::none)));
  CHECK(good.client_done);
  CHECK(good.server_done);
}

TEST_CASE("the same hostile client is let in once its certificate is good") {
  TestFleet fleet;
  Presented shown = fleet.broken(Flaw::none);
  TlsPair pair = handshake(hostile_client(&shown, offering({"http/1.1"})), http_server(fleet));
  CHECK(pair.server_done);
  CHECK(peer_certificate(pair.server.get(), fleet.name(), fleet.now()).ok());
}

TEST_CASE("a certificate that the caller's clock calls expired is refused after the handshake") {
  TestFleet fleet;
  TlsPair pair = handshake(must(client_context(fleet.node(), alpn_http)), http_server(fleet));
  REQUIRE(pair.server_done);
  auto seen = peer_certificate(pair.server.get(), fleet.name(), fleet.now() + std::chrono::hours(25));
  REQUIRE(!seen.ok());
  CHECK(seen.error().code == ErrorCode::not_enrolled);
}

TEST_CASE("a client without a certificate gets an alert, whatever protocol it offers") {
  TestFleet fleet;
  for (const auto& alpn : {std::vector<std::string>{}, std::vector<std::string>{"http/1.1"}}) {
    TlsPair pair = handshake(hostile_client(nullptr, offering(alpn)), http_server(fleet));
    CHECK(refused_by_server(pair));
    CHECK(mentions(pair.client_error, "certificate required"));
  }
  TlsPair mesh = handshake(hostile_client(nullptr, offering({"shoal-bt/1"})), mesh_server(fleet));
  CHECK(refused_by_server(mesh));
  CHECK(mentions(mesh.client_error, "certificate required"));
}

TEST_CASE("the enrolment protocol needs no certificate, and only where the server allows it") {
  TestFleet fleet;
  auto joiner = must(pinned_client_context(fleet.authority().pin(), alpn_enrol));
  TlsPair pair = handshake(joiner, http_server(fleet));
  REQUIRE(pair.server_error == "");
  REQUIRE(pair.client_error == "");
  CHECK(agreed_alpn(pair.server.get()) == alpn_enrol);
  CHECK(!peer_certificate(pair.server.get(), fleet.name(), fleet.now()).ok());
  CHECK(must(peer_certificate(pair.client.get(), fleet.name(), fleet.now())).identity.role == Role::tracker);
  CHECK(sent(pair.client.get(), pair.server.get(), "token") == "token");

  auto closed = must(server_context(fleet.tracker(), {{std::string(alpn_http)}, false, false}));
  TlsPair refused = handshake(joiner, closed);
  CHECK(refused_by_server(refused));
  CHECK(mentions(refused.client_error, "no application protocol"));
}

TEST_CASE("whoever offers the enrolment protocol among others gets it and nothing else") {
  TestFleet fleet;
  TlsPair pair = handshake(hostile_client(nullptr, offering({"http/1.1", "shoal-enrol/1"})), http_server(fleet));
  REQUIRE(pair.server_done);
  CHECK(agreed_alpn(pair.server.get()) == alpn_enrol);
}

TEST_CASE("letting one client enrol does not let the next in without a certificate") {
  TestFleet fleet;
  TlsContext server = http_server(fleet);
  REQUIRE(handshake(hostile_client(nullptr, offering({"shoal-enrol/1"})), server).server_done);
  CHECK(refused_by_server(handshake(hostile_client(nullptr, offering({"http/1.1"})), server)));
}

TEST_CASE("an application protocol that the server does not speak is refused") {
  TestFleet fleet;
  Presented good = as_presented(fleet.node());
  for (const auto& alpn : {std::vector<std::string>{"h2"}, {"shoal-bt/2"}, {"http/1.0", "shoal-bt/1x"}, {"http/1.1"}}) {
    TlsPair pair = handshake(hostile_client(&good, offering(alpn)), mesh_server(fleet));
    CHECK(refused_by_server(pair));
    CHECK(mentions(pair.client_error, "no application protocol"));
  }
  TlsPair second = handshake(hostile_client(&good, offering({"h2", "http/1.1"})), http_server(fleet));
  CHECK(second.server_done);
  CHECK(agreed_alpn(second.server.get()) == alpn_http);
}

TEST_CASE("a client without ALPN reaches the HTTP server but not the mesh") {
  TestFleet fleet;
  Presented good = as_presented(fleet.node());
  TlsPair http = handshake(hostile_client(&good), http_server(fleet));
  CHECK(http.server_done);
  CHECK(agreed_alpn(http.server.get()).empty());
  TlsPair mesh = handshake(hostile_client(&good), mesh_server(fleet));
  CHECK(refused_by_server(mesh));
  CHECK(mentions(mesh.client_error, "no application protocol"));
}

TEST_CASE("TLS 1.2 is refused by both ends") {
  TestFleet fleet;
  Presented good = as_presented(fleet.tracker());
  HostileTls old{{"http/1.1"}, TLS1_VERSION, TLS1_2_VERSION};
  TlsPair pair = handshake(hostile_client(&good, old), http_server(fleet));
  CHECK(refused_by_server(pair));
  CHECK(mentions(pair.client_error, "protocol version"));
  TlsPair other = handshake(must(client_context(fleet.node(), alpn_http)), hostile_server(good, old));
  CHECK(!other.client_done);
  CHECK(!other.server_done);
}

TEST_CASE("a client that speaks no TLS gets no more than an alert") {
  TestFleet fleet;
  std::unique_ptr<SSL, Free<SSL_free>> server(SSL_new(http_server(fleet).native()));
  BIO *inside = nullptr, *outside = nullptr;
  must(BIO_new_bio_pair(&inside, 1 << 16, &outside, 1 << 16) == 1, "connection");
  BioHandle wire(outside);
  SSL_set_bio(server.get(), inside, inside);
  constexpr std::string_view text = "GET /v1/status HTTP/1.1\r\nHost: tracker\r\n\r\n";
  BIO_write(wire.get(), text.data(), static_cast<int>(text.size()));
  CHECK(SSL_accept(server.get()) != 1);
  (void)tls_error();
  CHECK(BIO_ctrl_pending(wire.get()) <= 7);  // a record of one alert
}

namespace {
int tickets_seen = 0;
void count_tickets(int, int, int content_type, const void* data, std::size_t size, SSL*, void*) {
  if (content_type != SSL3_RT_HANDSHAKE || size == 0) return;
  if (*static_cast<const unsigned char*>(data) == SSL3_MT_NEWSESSION_TICKET) ++tickets_seen;
}
}  // namespace

TEST_CASE("no session ticket is ever issued, and a session is never resumed") {
  TestFleet fleet;
  TlsContext server = http_server(fleet);
  Presented good = as_presented(fleet.node());
  TlsContext client = hostile_client(&good, offering({"http/1.1"}));
  SSL_CTX_set_session_cache_mode(client.native(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_set_msg_callback(client.native(), count_tickets);
  tickets_seen = 0;
  TlsPair first = handshake(client, server);
  REQUIRE(first.server_done);
  CHECK(sent(first.server.get(), first.client.get(), "data") == "data");
  CHECK(tickets_seen == 0);
  std::unique_ptr<SSL_SESSION, Free<SSL_SESSION_free>> session(SSL_get1_session(first.client.get()));
  CHECK(SSL_SESSION_is_resumable(session.get()) == 0);
  CHECK(SSL_CTX_sess_number(server.native()) == 0);
  CHECK(SSL_get_num_tickets(first.server.get()) == 0);
}

TEST_CASE("a ticket from a careless server with the same certificate opens nothing") {
  TestFleet fleet;
  Presented good = as_presented(fleet.node()), tracker = as_presented(fleet.tracker());
  TlsContext client = hostile_client(&good, offering({"http/1.1"}));
  TlsPair careless = handshake(client, hostile_server(tracker));
  REQUIRE(careless.server_done);
  CHECK(sent(careless.server.get(), careless.client.get(), "data") == "data");
  std::unique_ptr<SSL_SESSION, Free<SSL_SESSION_free>> session(SSL_get1_session(careless.client.get()));
  REQUIRE(SSL_SESSION_is_resumable(session.get()) == 1);

  TlsContext without = hostile_client(nullptr, offering({"http/1.1"}));
  TlsPair pair = handshake(without, http_server(fleet), [&](SSL* ssl) { must(SSL_set_session(ssl, session.get()) == 1, "session"); });
  CHECK(SSL_session_reused(pair.server.get()) == 0);
  CHECK(refused_by_server(pair));
}

TEST_CASE("a joiner refuses a server that does not lead to the pinned CA") {
  TestFleet fleet, other;
  auto joiner = must(pinned_client_context(fleet.authority().pin(), alpn_enrol));
  auto refused = [&](const TlsContext& server) {
    TlsPair pair = handshake(joiner, server);
    return !pair.client_done && !pair.server_done && !pair.client_error.empty();
  };
  const std::string& ca = fleet.authority().certificate_pem();
  Presented tracker = as_presented(fleet.tracker());
  Presented others_tracker = as_presented(other.tracker());

  CHECK(refused(http_server(other)));
  // Its CA is not shown; shown, but it did not sign; the CA itself; a member, but no tracker.
  CHECK(refused(hostile_server(tracker)));
  CHECK(refused(hostile_server({others_tracker.key_pem, others_tracker.certificate_pem, ca})));
  CHECK(refused(hostile_server({fleet.authority().key_pem(), ca, {}})));
  Presented node = as_presented(fleet.node());
  CHECK(refused(hostile_server({node.key_pem, node.certificate_pem, ca})));
  CHECK(!refused(hostile_server({tracker.key_pem, tracker.certificate_pem, ca})));
}

TEST_CASE("a pin of the server's own key is not a pin of its CA") {
  TestFleet fleet;
  Credentials tracker = fleet.tracker();
  auto joiner = must(pinned_client_context(must(spki_pin_of_pem(tracker.certificate_pem)), alpn_enrol));
  TlsPair pair = handshake(joiner, must(server_context(tracker, {{std::string(alpn_http)}, false, true})));
  CHECK(!pair.client_done);
  CHECK(!pair.server_done);
}

TEST_CASE("a joiner refuses each broken tracker certificate") {
  TestFleet fleet;
  auto joiner = must(pinned_client_context(fleet.authority().pin(), alpn_enrol));
  for (const auto& [flaw, what] : all_flaws()) {
    CAPTURE(what);
    Presented shown = fleet.broken(flaw);
    shown.chain_pem += fleet.authority().certificate_pem();
    CHECK(!handshake(joiner, hostile_server(shown)).client_done);
  }
}

TEST_CASE("reading the queued errors empties the queue") {
  (void)certificate_from_pem("nonsense");
  (void)tls_error();
  CHECK(tls_error() == "no further detail");
}
