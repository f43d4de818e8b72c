// Members that keep a link's TLS busy without saying anything.
#include <openssl/ssl.h>

#include "doctest/doctest.h"
#include "mesh_lab.hpp"
#include "support/hostile_tls.hpp"

using namespace shoal;
using namespace shoal::mesh;
using namespace shoal::mesh::lab;
using namespace shoal::test;

namespace {

/// A link between a member by hand and the machine's engine.
struct Flooded {
  TestFleet fleet;
  Machine alice{fleet, 1};
  TlsWire wire;
  Answer engine;

  Flooded() : wire(connect()) {
    REQUIRE(wire.shake_hands());
    REQUIRE(wire.send(bt_handshake(content(1))));
    engine = alice.dial(alice.next_accepted().value());
    REQUIRE(engine.wire.receive(68) == bt_handshake(content(1)));
  }
  TlsWire connect() {
    alice.serve(content(1));
    Presented shown = as_presented(fleet.node(5));
    return TlsWire::client(hostile_client(&shown, {.alpn = {std::string(identity::alpn_mesh)}}), alice.mesh().port());
  }
  bool update_key() { return SSL_key_update(wire.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && wire.shake_hands(); }
};

}  // namespace

TEST_CASE("a member that changes its key now and then keeps its link") {
  Flooded link;
  for (int i = 0; i < 30; ++i) {
    REQUIRE(link.update_key());
    REQUIRE(link.wire.send("x"));
    REQUIRE(link.engine.wire.receive(1) == "x");
  }
  CHECK(link.alice.open_links(node_id(5)) == 1);
}

TEST_CASE("a member that does nothing but change its key loses its link") {
  Flooded link;
  for (int i = 0; i < 10'000 && link.update_key(); ++i) {}
  CHECK(eventually([&] { return link.alice.open_links(node_id(5)) == 0; }));
  CHECK(link.engine.wire.ends());
}

TEST_CASE("single bytes between the changes do not hide them") {
  Flooded link;
  for (int i = 0; i < 10'000 && link.update_key() && link.wire.send("x"); ++i) {}
  CHECK(eventually([&] { return link.alice.open_links(node_id(5)) == 0; }));
}

TEST_CASE("records of one byte arrive, all of them and in order") {
  Flooded link;
  const std::string bytes = pattern(1, 0, 5000);
  for (const char& byte : bytes) REQUIRE(link.wire.send({&byte, 1}));
  CHECK(link.engine.wire.receive(bytes.size()) == bytes);
}
