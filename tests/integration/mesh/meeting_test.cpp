// Who wins when two machines dial each other. One of them is played by hand here, so that every order can be had at will.
#include <barrier>
#include <thread>

#include "doctest/doctest.h"
#include "mesh_lab.hpp"

using namespace shoal;
using namespace shoal::mesh;
using namespace shoal::mesh::lab;
using namespace shoal::test;

namespace {

constexpr unsigned smaller = 3, self = 5, larger = 7;
const std::string ours = bt_handshake(content(1), 'o');
const std::string theirs = bt_handshake(content(1), 't');

/// A machine with a mesh, and a peer that is played by hand and listens at `door`.
struct Lab {
  TestFleet fleet;
  Machine machine;
  Presented peer;
  Door door;
  VirtualEndpoint endpoint;
  Answer engine;
  std::jthread dialling;

  // Long, so that a slow machine does not change what happens; tests that wait for a deadline set their own.
  explicit Lab(unsigned peer_number, std::chrono::milliseconds handshake = std::chrono::seconds(30))
      : machine(fleet, self, Machine::quick(handshake)), peer(as_presented(fleet.node(peer_number))) {
    machine.serve(content(1));
    endpoint = machine.mesh().introduce(node_id(peer_number), content(1), {"127.0.0.1", door.port()});
  }
  void start_dial() {
    dialling = std::jthread([this] { engine = machine.dial(endpoint); });
  }
  bool engine_is_up() {
    dialling.join();
    return engine.code == 0;
  }
  /// The machine's dial, with TLS up and the engine's handshake heard: it waits for the peer's first byte.
  TlsWire dial_on_trial() {
    start_dial();
    TlsWire dialled = TlsWire::server(hostile_server(peer, {}), door.accept());
    REQUIRE(dialled.shake_hands());
    REQUIRE(engine_is_up());
    engine.wire.send(ours);
    REQUIRE(dialled.receive(68) == ours);
    return dialled;
  }
  /// The peer's own dial, up to the end of its opening.
  TlsWire arrive() {
    TlsWire wire = TlsWire::client(hostile_client(&peer, {.alpn = {std::string(identity::alpn_mesh)}}), machine.mesh().port());
    REQUIRE(wire.shake_hands());
    REQUIRE(wire.send(theirs));
    return wire;
  }
  /// A peer's arrival that the machine has certainly considered: later ones are, in order, on its one control thread.
  void let_things_settle() {
    Presented other = as_presented(fleet.node(20));
    TlsWire probe = TlsWire::client(hostile_client(&other, {.alpn = {std::string(identity::alpn_mesh)}}), machine.mesh().port());
    REQUIRE(probe.shake_hands());
    probe.send("no handshake");
    CHECK(probe.ends());
  }
  bool link_works(TlsWire& wire) {
    return wire.send("from peer") && engine.wire.receive(9) == "from peer" && engine.wire.send("from engine") &&
           wire.receive(11) == "from engine";
  }
};

}  // namespace

TEST_CASE("smaller peer, our dial still in its handshake: the peer's dial wins and our engine's waiting connection gets it") {
  Lab lab(smaller);
  lab.start_dial();
  Wire stalled = lab.door.accept();
  TlsWire arrival = lab.arrive();
  REQUIRE(lab.engine_is_up());
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(arrival));
  CHECK(stalled.ends());
  CHECK(lab.machine.nothing_accepted());
}

TEST_CASE("smaller peer, our engine has spoken already: what it said is said again on the peer's dial") {
  Lab lab(smaller);
  TlsWire dialled = lab.dial_on_trial();
  TlsWire arrival = lab.arrive();
  CHECK(arrival.receive(68) == ours);
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(arrival));
  CHECK(dialled.ends());
  CHECK(lab.machine.open_links(node_id(smaller)) == 1);
}

TEST_CASE("larger peer: our dial wins when the peer answers it, and the peer's own dial stays outside") {
  Lab lab(larger);
  TlsWire dialled = lab.dial_on_trial();
  TlsWire arrival = lab.arrive();
  lab.let_things_settle();
  REQUIRE(dialled.send(theirs));
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(dialled));
  arrival.close();  // as the loser does
  lab.let_things_settle();
  CHECK(lab.link_works(dialled));
  CHECK(lab.machine.nothing_accepted());
  CHECK(lab.machine.open_links(node_id(larger)) == 1);
}

TEST_CASE("larger peer, the losing dial comes in when our link is up already: the link lives") {
  Lab lab(larger);
  TlsWire dialled = lab.dial_on_trial();
  REQUIRE(dialled.send(theirs));
  CHECK(lab.engine.wire.receive(68) == theirs);
  {
    TlsWire late_loser = lab.arrive();
    lab.let_things_settle();
    CHECK(lab.link_works(dialled));
  }
  lab.let_things_settle();
  CHECK(lab.link_works(dialled));
  CHECK(lab.machine.nothing_accepted());
}

TEST_CASE("larger peer: when our dial is refused, the peer's dial takes its place and nobody is left with nothing") {
  Lab lab(larger);
  TlsWire dialled = lab.dial_on_trial();
  TlsWire arrival = lab.arrive();
  lab.let_things_settle();
  dialled.close();
  CHECK(arrival.receive(68) == ours);
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(arrival));
}

TEST_CASE("larger peer: when our dial comes to nothing, the peer's dial takes its place") {
  Lab lab(larger, std::chrono::milliseconds(1000));
  lab.start_dial();
  Wire stalled = lab.door.accept();
  TlsWire arrival = lab.arrive();
  REQUIRE(lab.engine_is_up());  // after the dial has timed out
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(arrival));
}

TEST_CASE("larger peer: when our engine gives up its dial, it is told of the peer's") {
  Lab lab(larger);
  TlsWire dialled = lab.dial_on_trial();
  TlsWire arrival = lab.arrive();
  lab.let_things_settle();
  CHECK(lab.machine.nothing_accepted());
  lab.engine.wire.close();
  REQUIRE(lab.machine.next_accepted() == lab.endpoint);
  lab.engine = lab.machine.dial(lab.endpoint);
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(arrival));
}

TEST_CASE("a peer that comes back while its old link seems alive replaces it") {
  Lab lab(smaller, std::chrono::milliseconds(200));
  TlsWire old = lab.dial_on_trial();
  REQUIRE(old.send(theirs));
  REQUIRE(lab.engine.wire.receive(68) == theirs);
  TlsWire fresh = lab.arrive();  // put aside while the link is young, then it wins
  CHECK(lab.engine.wire.ends());
  CHECK(old.ends());
  REQUIRE(lab.machine.next_accepted() == lab.endpoint);
  lab.engine = lab.machine.dial(lab.endpoint);
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(fresh));
  CHECK(eventually([&] { return lab.machine.open_links(node_id(smaller)) == 1; }));
}

TEST_CASE("a peer that comes back right after its link ended is let in at once") {
  Lab lab(larger);
  TlsWire old = lab.dial_on_trial();
  REQUIRE(old.send(theirs));
  REQUIRE(lab.engine.wire.receive(68) == theirs);
  TlsWire fresh = lab.arrive();
  lab.let_things_settle();
  CHECK(lab.machine.nothing_accepted());
  old.close();
  REQUIRE(lab.machine.next_accepted() == lab.endpoint);
  lab.engine.wire.close();
  lab.engine = lab.machine.dial(lab.endpoint);
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(fresh));
}

TEST_CASE("of two arrivals of the same peer the newer counts") {
  Lab lab(smaller);
  TlsWire first = lab.arrive();
  CHECK(lab.machine.next_accepted());
  TlsWire second = lab.arrive();
  CHECK(first.ends());
  lab.engine = lab.machine.dial(lab.endpoint);
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(second));
}

TEST_CASE("an engine that dials again has given up its first dial") {
  Lab lab(larger);
  TlsWire first = lab.dial_on_trial();
  Wire old_connection = std::move(lab.engine.wire);
  TlsWire second = lab.dial_on_trial();
  CHECK(old_connection.ends());
  CHECK(first.ends());
  REQUIRE(second.send(theirs));
  CHECK(lab.engine.wire.receive(68) == theirs);
  CHECK(lab.link_works(second));
}

TEST_CASE("a dial that the other engine never answers ends") {
  Lab lab(larger, std::chrono::milliseconds(100));
  TlsWire dialled = lab.dial_on_trial();
  CHECK(lab.engine.wire.ends());
  CHECK(lab.machine.mesh().counters().handshake_timed_out == 1);
}

TEST_CASE("two machines that dial each other at once end with one link, and no engine loses a byte") {
  constexpr std::size_t size = 512 * KiB;
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  for (unsigned round = 1; round <= 50; ++round) {
    INFO("round ", round);
    InfoHash hash = content(round);
    alice.serve(hash);
    bob.serve(hash);
    VirtualEndpoint to_bob = alice.meet(bob, hash), to_alice = bob.meet(alice, hash);
    std::barrier start(2);
    bool alice_good = false, bob_good = false;
    // An engine dials once, says its handshake, then sends and checks a stream.
    auto run = [&](Machine& machine, VirtualEndpoint endpoint, char mark, char other, bool& good) {
      start.arrive_and_wait();
      Answer answer = machine.dial(endpoint);
      if (answer.code != 0) return;
      answer.wire.send(bt_handshake(hash, mark));
      std::jthread sender([&] { answer.wire.send(pattern(static_cast<unsigned>(mark), 0, size)); });
      good = answer.wire.receive(68) == bt_handshake(hash, other) &&
             answer.wire.receive(size) == pattern(static_cast<unsigned>(other), 0, size);
      sender.join();
      start.arrive_and_wait();  // both have all before either hangs up
      if (machine.id() == node_id(1)) good = good && machine.open_links(node_id(2)) == 1;
      start.arrive_and_wait();
    };
    {
      std::jthread at_bob([&] { run(bob, to_alice, 'b', 'a', bob_good); });
      run(alice, to_bob, 'a', 'b', alice_good);
    }
    REQUIRE(alice_good);
    REQUIRE(bob_good);
    alice.mesh().unserve(hash);
    bob.mesh().unserve(hash);
    REQUIRE(eventually([&] { return alice.open_links(bob.id()) == 0 && bob.open_links(alice.id()) == 0; }));
  }
}
