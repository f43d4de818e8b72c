// The network's door: strangers get a TLS alert and nothing else.
#include <sys/socket.h>

#include "doctest/doctest.h"
#include "mesh_lab.hpp"

using namespace shoal;
using namespace shoal::mesh;
using namespace shoal::mesh::lab;
using namespace shoal::test;

namespace {

const std::vector<std::string> mesh_alpn = {std::string(identity::alpn_mesh)};

struct Lab {
  TestFleet fleet;
  Machine alice{fleet, 1, Machine::quick(std::chrono::milliseconds(500))};
  Lab() { alice.serve(content(1)); }

  identity::TlsContext member(unsigned number = 5, identity::Role role = identity::Role::node) {
    Presented shown = as_presented(fleet.credentials(role, node_id(number)));
    return hostile_client(&shown, {.alpn = mesh_alpn});
  }
  MeshCounters counters() { return alice.mesh().counters(); }
};

/// Connects, tries to say the opening, and expects an alert and not one byte of application data.
void expect_alert(Lab& lab, const identity::TlsContext& context) {
  TlsWire wire = TlsWire::client(context, lab.alice.mesh().port());
  if (wire.shake_hands()) {  // in TLS 1.3 the client is done first
    wire.send(bt_handshake(content(1)));
    CHECK(wire.receive(1).empty());
  }
  INFO(wire.error());
  CHECK(wire.error().find("alert") != std::string::npos);
  CHECK(lab.alice.nothing_accepted());
}

}  // namespace

TEST_CASE("a connection without a certificate gets nothing but a TLS alert") {
  Lab lab;
  expect_alert(lab, hostile_client(nullptr, {.alpn = mesh_alpn}));
  CHECK(eventually([&] { return lab.counters().refused_certificate == 1; }));
}

TEST_CASE("a connection with a broken certificate gets nothing but a TLS alert") {
  Lab lab;
  std::uint64_t rows = 0;
  for (const auto& [flaw, name] : all_flaws()) {
    INFO(name);
    Presented shown = lab.fleet.broken(flaw);
    expect_alert(lab, hostile_client(&shown, {.alpn = mesh_alpn}));
    ++rows;
  }
  CHECK(rows >= 20);
  CHECK(eventually([&] { return lab.counters().refused_certificate + lab.counters().handshake_failed == rows; }));
}

TEST_CASE("the protocol must be the mesh's and TLS 1.3") {
  Lab lab;
  Presented good = as_presented(lab.fleet.node(5));
  expect_alert(lab, hostile_client(&good, {.alpn = {"http/1.1"}}));
  expect_alert(lab, hostile_client(&good, {.alpn = {std::string(identity::alpn_enrol)}}));
  expect_alert(lab, hostile_client(&good, {.alpn = {}}));
  expect_alert(lab, hostile_client(&good, {.alpn = mesh_alpn, .min_version = TLS1_2_VERSION, .max_version = TLS1_2_VERSION}));
  CHECK(eventually([&] { return lab.counters().handshake_failed == 4; }));
}

TEST_CASE("only seeders and nodes may link, whatever the policy says") {
  Lab lab;
  for (identity::Role role : {identity::Role::publisher, identity::Role::admin, identity::Role::tracker}) {
    TlsWire wire = TlsWire::client(lab.member(5, role), lab.alice.mesh().port());
    REQUIRE(wire.shake_hands());
    wire.send(bt_handshake(content(1)));
    CHECK(wire.receive(1).empty());
  }
  CHECK(lab.alice.nothing_accepted());
  CHECK(eventually([&] { return lab.counters().refused_certificate == 3; }));
  TlsWire seeder = TlsWire::client(lab.member(6, identity::Role::seeder), lab.alice.mesh().port());
  REQUIRE(seeder.shake_hands());
  seeder.send(bt_handshake(content(1)));
  CHECK(lab.alice.next_accepted());
}

TEST_CASE("a copy of the machine's own certificate opens nothing") {
  Lab lab;
  TlsWire wire = TlsWire::client(lab.member(1), lab.alice.mesh().port());
  REQUIRE(wire.shake_hands());
  wire.send(bt_handshake(content(1)));
  CHECK(wire.receive(1).empty());
  CHECK(lab.alice.nothing_accepted());
}

TEST_CASE("no session ticket is ever issued") {
  Lab lab;
  auto context = lab.member();
  static int tickets;
  tickets = 0;
  SSL_CTX_set_session_cache_mode(context.native(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context.native(), [](SSL*, SSL_SESSION*) {
    ++tickets;
    return 0;
  });
  TlsWire wire = TlsWire::client(context, lab.alice.mesh().port());
  REQUIRE(wire.shake_hands());
  REQUIRE(wire.send(bt_handshake(content(1))));
  Answer engine = lab.alice.dial(lab.alice.next_accepted().value());
  engine.wire.send("hello, peer");
  CHECK(wire.receive(11) == "hello, peer");  // what the server sent before it was read
  CHECK(tickets == 0);
  CHECK_FALSE(SSL_SESSION_is_resumable(SSL_get0_session(wire.ssl())));
}

TEST_CASE("what is no BitTorrent handshake for served content is hung up on") {
  Lab lab;
  std::string good = bt_handshake(content(1));
  struct Row {
    const char* what;
    std::string bytes;
  };
  const std::vector<Row> rows = {
      {"content that is not served", bt_handshake(content(2))},
      {"an HTTP request", "GET / HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n"},
      {"a wrong length byte", "\x12" + good.substr(1)},
      {"another protocol's name", std::string("\x13"
                                              "BitTorrent Protocol") +
                                      good.substr(20)},
      {"zeros", std::string(68, '\0')},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    TlsWire wire = TlsWire::client(lab.member(), lab.alice.mesh().port());
    REQUIRE(wire.shake_hands());
    wire.send(row.bytes);
    CHECK(wire.receive(1).empty());
  }
  CHECK(lab.alice.nothing_accepted());
  CHECK(eventually([&] { return lab.counters().refused_stream == rows.size(); }));
}

TEST_CASE("47 bytes and then silence end with the handshake's deadline") {
  Lab lab;
  TlsWire wire = TlsWire::client(lab.member(), lab.alice.mesh().port());
  REQUIRE(wire.shake_hands());
  wire.send(bt_handshake(content(1)).substr(0, 47));
  CHECK(wire.ends());
  CHECK(lab.counters().handshake_timed_out == 1);
}

TEST_CASE("one byte every now and then does not stretch the handshake's deadline") {
  Lab lab;
  TlsWire wire = TlsWire::client(lab.member(), lab.alice.mesh().port());
  REQUIRE(wire.shake_hands());
  std::string opening = bt_handshake(content(1)).substr(0, 48);
  std::size_t sent = 0;
  auto next = std::chrono::steady_clock::now();
  CHECK(eventually([&] {
    if (std::chrono::steady_clock::now() >= next && sent < 47) {
      wire.send(opening.substr(sent++, 1));
      next += std::chrono::milliseconds(50);
    }
    return lab.counters().handshake_timed_out == 1;
  }));
  CHECK(wire.ends());
}

TEST_CASE("an arrival that no engine takes is hung up on, and the engine is told more than once, at last under a new address") {
  Lab lab;
  TlsWire wire = TlsWire::client(lab.member(), lab.alice.mesh().port());
  REQUIRE(wire.shake_hands());
  wire.send(bt_handshake(content(1)));
  auto first = lab.alice.next_accepted();
  auto again = lab.alice.next_accepted();
  REQUIRE(first);
  CHECK(first == again);
  auto later = again;
  while (later && later->address == first->address) later = lab.alice.next_accepted();
  REQUIRE(later);
  // An engine that never dials may have written this address off.
  CHECK(later->address != first->address);
  CHECK(lab.alice.mesh().whom(*first)->peer == node_id(5));
  CHECK(lab.alice.mesh().whom(*later)->peer == node_id(5));
  CHECK(wire.ends());
}

TEST_CASE("the engine gets the stream from its first byte, also what came along with the opening") {
  Lab lab;
  TlsWire wire = TlsWire::client(lab.member(), lab.alice.mesh().port());
  REQUIRE(wire.shake_hands());
  std::string stream = bt_handshake(content(1)) + pattern(1, 0, 40000);
  wire.send(stream);
  Answer engine = lab.alice.dial(lab.alice.next_accepted().value());
  REQUIRE(engine.code == 0);
  CHECK(engine.wire.receive(stream.size()) == stream);
}

TEST_CASE("a link whose other side breaks off without a TLS goodbye still delivers what came before") {
  Lab lab;
  TlsWire wire = TlsWire::client(lab.member(), lab.alice.mesh().port());
  REQUIRE(wire.shake_hands());
  std::string stream = bt_handshake(content(1)) + pattern(1, 0, 40000);
  wire.send(stream);
  Answer engine = lab.alice.dial(lab.alice.next_accepted().value());
  wire.close();
  CHECK(engine.wire.receive(stream.size()) == stream);
  CHECK(engine.wire.ends());
}
