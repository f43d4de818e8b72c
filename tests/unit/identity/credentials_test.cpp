#include "identity/credentials.hpp"

#include <thread>

#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::identity;
using namespace shoal::test;

TEST_CASE("credentials are refused where key, certificate and CA do not belong together") {
  TestFleet fleet, other;
  Credentials one = fleet.node(1), two = fleet.node(2);
  const std::string& ca = fleet.authority().certificate_pem();
  CHECK(must(make_credentials(one.key_pem, one.certificate_pem, ca)).self.identity.id == node_id(1));
  CHECK(!make_credentials(two.key_pem, one.certificate_pem, ca).ok());
  CHECK(!make_credentials(one.key_pem, one.certificate_pem, other.authority().certificate_pem()).ok());
  CHECK(!make_credentials(one.key_pem, one.certificate_pem, two.certificate_pem).ok());
  CHECK(!make_credentials("", one.certificate_pem, ca).ok());
  CHECK(!make_credentials(one.key_pem, "", ca).ok());
  CHECK(!make_credentials(one.key_pem, one.certificate_pem, "").ok());
  for (Flaw flaw : {Flaw::two_uris, Flaw::tampered, Flaw::other_ca, Flaw::signed_by_intermediate}) {
    Presented broken = fleet.broken(flaw);
    CHECK(!make_credentials(broken.key_pem, broken.certificate_pem, ca).ok());
  }
}

TEST_CASE("replacing credentials raises the generation, and who holds the old ones keeps them") {
  TestFleet fleet;
  CredentialStore store(fleet.node(1));
  auto held = store.current();
  auto before = store.generation();
  Credentials next = fleet.node(1);
  std::string serial = next.self.serial;
  store.replace(std::move(next));
  CHECK(store.generation() == before + 1);
  CHECK(store.current()->self.serial == serial);
  CHECK(held->self.serial != serial);
}

TEST_CASE("TLS contexts are kept until the credentials change") {
  TestFleet fleet;
  CredentialStore client_store(fleet.node(1)), server_store(fleet.tracker());
  ClientTlsSource client(client_store, std::string(alpn_http));
  ServerTlsSource server(server_store, {{std::string(alpn_http)}, false, false});
  SSL_CTX* first = must(client.current()).native();
  CHECK(must(client.current()).native() == first);
  CHECK(must(server.current()).native() == must(server.current()).native());

  TlsPair old_link = handshake(must(client.current()), must(server.current()));
  REQUIRE(old_link.server_done);
  auto old_serial = must(peer_certificate(old_link.server.get(), fleet.name(), fleet.now())).serial;
  TlsContext keep = must(client.current());
  client_store.replace(fleet.node(1));
  server_store.replace(fleet.tracker());
  CHECK(must(client.current()).native() != first);

  TlsPair new_link = handshake(must(client.current()), must(server.current()));
  REQUIRE(new_link.server_done);
  CHECK(must(peer_certificate(new_link.server.get(), fleet.name(), fleet.now())).serial == client_store.current()->self.serial);
  CHECK(old_serial != client_store.current()->self.serial);

  // The link that existed goes on.
  char byte = 0;
  CHECK(SSL_write(old_link.client.get(), "x", 1) == 1);
  CHECK(SSL_read(old_link.server.get(), &byte, 1) == 1);
  CHECK(byte == 'x');
}

TEST_CASE("a context is used from several threads while the credentials change") {
  TestFleet fleet;
  CredentialStore store(fleet.node(1));
  ClientTlsSource client(store, std::string(alpn_mesh));
  TlsContext server = must(server_context(fleet.node(2), {{std::string(alpn_mesh)}, true, false}));
  std::atomic<int> made{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 5; ++n) made += handshake(must(client.current()), server).server_done ? 1 : 0;
      });
    for (int n = 0; n < 5; ++n) store.replace(fleet.node(1));
  }
  CHECK(made == 15);
}
