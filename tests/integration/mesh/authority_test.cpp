// Who may link, who no longer may, and how fast that shows.
#include <thread>

#include "doctest/doctest.h"
#include "mesh_lab.hpp"

using namespace shoal;
using namespace shoal::mesh;
using namespace shoal::mesh::lab;
using namespace shoal::test;

namespace {

struct Lab {
  TestFleet fleet;
  Machine alice{fleet, 1}, bob{fleet, 2}, carol{fleet, 3};
};

}  // namespace

TEST_CASE("cutting a machine ends its links and no others") {
  Lab lab;
  Pair with_bob = link(lab.alice, lab.bob, content(1));
  Pair from_bob = link(lab.bob, lab.alice, content(2));
  Pair with_carol = link(lab.alice, lab.carol, content(1));
  lab.alice.mesh().cut(lab.bob.id());
  CHECK(with_bob.dialler.ends());
  CHECK(with_bob.acceptor.ends());
  CHECK(from_bob.acceptor.ends());
  CHECK(from_bob.dialler.ends());
  CHECK(echoes(with_carol.dialler, with_carol.acceptor));
  CHECK(lab.alice.mesh().counters().cut == 2);
}

TEST_CASE("cutting a machine ends what is not a link yet") {
  Lab lab;
  lab.alice.serve(content(1));
  lab.bob.serve(content(1));
  SUBCASE("an arrival that waits") {
    Answer engine = lab.bob.dial(lab.bob.meet(lab.alice, content(1)));
    engine.wire.send(bt_handshake(content(1)));
    REQUIRE(lab.alice.next_accepted());
    lab.alice.mesh().cut(lab.bob.id());
    CHECK(engine.wire.ends());
  }
  SUBCASE("a dial on trial") {
    Answer engine = lab.alice.dial(lab.alice.meet(lab.bob, content(1)));
    REQUIRE(engine.code == 0);
    lab.alice.mesh().cut(lab.bob.id());
    CHECK(engine.wire.ends());
  }
}

TEST_CASE("a machine that the policy refuses gets no link, whoever dials") {
  Lab lab;
  lab.alice.serve(content(1));
  lab.bob.serve(content(1));
  lab.alice.policy().refuse(lab.bob.id());
  CHECK(lab.alice.dial(lab.alice.meet(lab.bob, content(1))).code == 2);
  Answer from_bob = lab.bob.dial(lab.bob.meet(lab.alice, content(1)));
  from_bob.wire.send(bt_handshake(content(1)));
  CHECK(from_bob.wire.ends());
  CHECK(lab.alice.nothing_accepted());
  CHECK(lab.alice.mesh().counters().refused_by_policy == 2);
}

TEST_CASE("a recheck cuts the links that the policy refuses now") {
  Lab lab;
  Pair with_bob = link(lab.alice, lab.bob, content(1));
  Pair with_carol = link(lab.alice, lab.carol, content(1));
  lab.alice.policy().refuse(lab.bob.id());
  lab.alice.mesh().recheck();
  CHECK(with_bob.dialler.ends());
  CHECK(echoes(with_carol.dialler, with_carol.acceptor));
}

TEST_CASE("the links of a machine that was revoked end, and it gets no other") {
  Lab lab;
  Pair with_bob = link(lab.alice, lab.bob, content(1));
  Pair with_carol = link(lab.alice, lab.carol, content(1));
  lab.alice.mesh().refuse({lab.bob.id()});
  CHECK(with_bob.dialler.ends());
  CHECK(echoes(with_carol.dialler, with_carol.acceptor));
  CHECK(lab.alice.dial(lab.alice.meet(lab.bob, content(1))).code == 2);
  CHECK(lab.alice.mesh().counters().refused_certificate == 1);
  lab.alice.mesh().refuse({});
  Pair again = link(lab.alice, lab.bob, content(1));
  CHECK(echoes(again.dialler, again.acceptor));
}

TEST_CASE("the policy is asked again without being told to") {
  Lab lab;
  Pair pair = link(lab.alice, lab.bob, content(1));
  lab.alice.policy().refuse(lab.bob.id());
  CHECK(pair.dialler.ends());
  CHECK(pair.acceptor.ends());
}

TEST_CASE("the policy is asked again when an arrival becomes a link") {
  Lab lab;
  lab.alice.serve(content(1));
  lab.bob.serve(content(1));
  Answer from_bob = lab.bob.dial(lab.bob.meet(lab.alice, content(1)));
  from_bob.wire.send(bt_handshake(content(1)));
  auto endpoint = lab.alice.next_accepted();
  REQUIRE(endpoint);
  lab.alice.policy().refuse(lab.bob.id());
  CHECK(lab.alice.dial(*endpoint).wire.ends());
  CHECK(from_bob.wire.ends());
}

TEST_CASE("a link ends when the certificate that was shown for it expires") {
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  Pair pair = link(alice, bob, content(1));
  alice.clock().advance(std::chrono::hours(23));
  alice.mesh().recheck();
  CHECK(echoes(pair.dialler, pair.acceptor));
  alice.clock().advance(std::chrono::hours(2));
  CHECK(pair.dialler.ends());
  CHECK(pair.acceptor.ends());
  CHECK(eventually([&] { return alice.mesh().counters().cut == 1; }));
}

TEST_CASE("a renewal drops no link, and new links show the new certificate") {
  Lab lab;
  Pair before = link(lab.alice, lab.bob, content(1));
  identity::Credentials renewed = lab.fleet.node(1);
  std::string serial = renewed.self.serial;
  lab.alice.credentials().replace(std::move(renewed));
  CHECK(echoes(before.dialler, before.acceptor));

  Presented bob = as_presented(lab.fleet.node(9));
  TlsWire wire = TlsWire::client(hostile_client(&bob, {.alpn = {std::string(identity::alpn_mesh)}}), lab.alice.mesh().port());
  REQUIRE(wire.shake_hands());
  CHECK(must(identity::inspect(SSL_get0_peer_certificate(wire.ssl()))).serial == serial);
  Pair after = link(lab.alice, lab.bob, content(2));
  CHECK(echoes(after.dialler, after.acceptor));
  CHECK(echoes(before.dialler, before.acceptor));
}

TEST_CASE("a dial that reaches another machine than the one meant fails, and tells that machine nothing") {
  Lab lab;
  lab.alice.serve(content(1));
  lab.carol.serve(content(1));
  VirtualEndpoint endpoint = lab.alice.mesh().introduce(lab.bob.id(), content(1), lab.carol.address());
  CHECK(lab.alice.dial(endpoint).code == 2);
  CHECK(lab.alice.mesh().counters().wrong_peer == 1);
  CHECK(eventually([&] { return lab.carol.mesh().counters().refused_stream == 1; }));  // it hung up without a byte
  CHECK(lab.carol.nothing_accepted());
}

TEST_CASE("a dial that reaches a machine with a broken certificate, or none of ours, fails") {
  Lab lab;
  lab.alice.serve(content(1));
  std::uint64_t refused = 0;
  for (Flaw flaw : {Flaw::other_ca, Flaw::expired, Flaw::two_uris, Flaw::no_server_usage, Flaw::other_fleet_name}) {
    INFO("flaw ", static_cast<int>(flaw));
    Door door;
    Answer answer;
    {
      std::jthread dialling([&] {
        answer = lab.alice.dial(lab.alice.mesh().introduce(node_id(7), content(1), {"127.0.0.1", door.port()}));
      });
      TlsWire impostor = TlsWire::server(hostile_server(lab.fleet.broken(flaw), {}), door.accept());
      impostor.shake_hands();
      CHECK(impostor.receive(1).empty());
    }
    CHECK(answer.code > 0);
    CHECK(lab.alice.mesh().counters().refused_certificate == ++refused);
  }
}

TEST_CASE("leaving a swarm cuts its links and refuses new ones") {
  Lab lab;
  Pair left = link(lab.alice, lab.bob, content(1));
  Pair kept = link(lab.alice, lab.bob, content(2));
  lab.alice.mesh().unserve(content(1));
  CHECK(left.dialler.ends());
  CHECK(left.acceptor.ends());
  CHECK(echoes(kept.dialler, kept.acceptor));
  CHECK(lab.alice.dial(lab.alice.meet(lab.bob, content(1))).code == 2);
  Answer from_bob = lab.bob.dial(lab.bob.meet(lab.alice, content(1)));
  from_bob.wire.send(bt_handshake(content(1)));
  CHECK(from_bob.wire.ends());
}

// Many rounds: the old link may still be on its way out of the worker when the next is dialled.
TEST_CASE("a swarm can be joined again after it was left") {
  Lab lab;
  for (int round = 0; round < 20; ++round) {
    Pair first = link(lab.alice, lab.bob, content(1));
    lab.alice.mesh().unserve(content(1));
    CHECK(first.dialler.ends());
    lab.bob.forget_accepted();
    Pair second = link(lab.alice, lab.bob, content(1));
    CHECK(echoes(second.dialler, second.acceptor));
    lab.alice.mesh().unserve(content(1));
    CHECK(second.dialler.ends());
    lab.bob.forget_accepted();
  }
}

TEST_CASE("a port in use and a bad address are errors that name it") {
  Lab lab;
  MeshOptions taken = Machine::quick();
  taken.listen.port = lab.alice.mesh().port();
  auto second = Mesh::start(taken, lab.alice.credentials(), lab.alice.policy(), lab.alice.clock());
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find(taken.listen.str()) != std::string::npos);
  MeshOptions wrong = Machine::quick();
  wrong.listen.host = "not-an-address";
  CHECK_FALSE(Mesh::start(wrong, lab.alice.credentials(), lab.alice.policy(), lab.alice.clock()).ok());
}
