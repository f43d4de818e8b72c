// Many connections: those that say nothing, and the caps.
#include <sys/resource.h>

#include <thread>

#include "doctest/doctest.h"
#include "mesh_lab.hpp"

using namespace shoal;
using namespace shoal::mesh;
using namespace shoal::mesh::lab;
using namespace shoal::test;

namespace {

void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

TEST_CASE("500 silent connections leave transfers and newcomers alone, and their descriptors come back") {
  raise_descriptor_limit();
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2), carol(fleet, 3);
  Pair pair = link(alice, bob, content(1));
  std::size_t before = open_descriptors();
  {
    std::vector<Wire> silent;
    for (int i = 0; i < 500; ++i) silent.push_back(Wire::connect(bob.mesh().port()));
    // A transfer that was there, and a genuine newcomer from the same address as the crowd.
    for (int i = 0; i < 20; ++i) CHECK(echoes(pair.dialler, pair.acceptor));
    Pair newcomer = link(carol, bob, content(1));
    CHECK(echoes(newcomer.dialler, newcomer.acceptor));
    for (Wire& wire : silent) REQUIRE(wire.ends());
    MeshCounters counters = bob.mesh().counters();
    CHECK(counters.over_cap + counters.handshake_timed_out == 500);
    CHECK(counters.over_cap > 0);
    CHECK(counters.handshake_timed_out > 0);
  }
  CHECK(echoes(pair.dialler, pair.acceptor));
  CHECK(eventually([&] { return open_descriptors() <= before; }));
}

TEST_CASE("connections that greet and then say nothing do not lock out newcomers either") {
  TestFleet fleet;
  MeshOptions few = Machine::quick();
  few.unfinished_handshakes = 8;
  Machine alice(fleet, 1), bob(fleet, 2, few);
  alice.serve(content(1));
  Presented good = as_presented(fleet.node(9));
  std::vector<TlsWire> greeted;
  for (int i = 0; i < 20; ++i) {
    greeted.push_back(TlsWire::client(hostile_client(&good, {.alpn = {std::string(identity::alpn_mesh)}}), bob.mesh().port()));
    REQUIRE(greeted.back().shake_hands());  // and no opening
  }
  Pair pair = link(alice, bob, content(1));
  CHECK(echoes(pair.dialler, pair.acceptor));
}

TEST_CASE("links over the cap are refused, whoever dials, and a place that is free again is used") {
  TestFleet fleet;
  MeshOptions small = Machine::quick();
  small.links = 1;
  Machine alice(fleet, 1, small), bob(fleet, 2), carol(fleet, 3);
  alice.serve(content(1));
  carol.serve(content(1));
  {
    Pair pair = link(alice, bob, content(1));
    CHECK(alice.dial(alice.meet(carol, content(1))).code == 1);
    Answer from_carol = carol.dial(carol.meet(alice, content(1)));
    from_carol.wire.send(bt_handshake(content(1)));
    CHECK(from_carol.wire.ends());
    CHECK(alice.mesh().counters().over_cap == 2);
    CHECK(echoes(pair.dialler, pair.acceptor));
  }
  CHECK(eventually([&] { return alice.open_links(bob.id()) == 0; }));
  carol.forget_accepted();
  Pair again = link(alice, carol, content(1));
  CHECK(echoes(again.dialler, again.acceptor));
}

TEST_CASE("a mesh that has no descriptor left serves the links that it has, and accepts again when there are some") {
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  Pair pair = link(alice, bob, content(1));
  rlimit usual{};
  ::getrlimit(RLIMIT_NOFILE, &usual);
  {
    Wire waiting = Wire::connect(bob.mesh().port());
    std::vector<Wire> crowd;
    rlimit none = usual;
    none.rlim_cur = open_descriptors() + 4;  // for the clients below; the mesh runs out
    ::setrlimit(RLIMIT_NOFILE, &none);
    for (int i = 0; i < 8; ++i)
      if (Wire wire = Wire::connect(bob.mesh().port()); wire.open()) crowd.push_back(std::move(wire));
    for (int i = 0; i < 20; ++i) CHECK(echoes(pair.dialler, pair.acceptor));
    ::setrlimit(RLIMIT_NOFILE, &usual);
  }
  Pair newcomer = link(alice, bob, content(2));
  CHECK(echoes(newcomer.dialler, newcomer.acceptor));
}

TEST_CASE("many links at once all carry their bytes") {
  raise_descriptor_limit();
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  std::vector<Pair> pairs;
  for (unsigned i = 1; i <= 100; ++i) pairs.push_back(link(alice, bob, content(i)));
  for (Pair& pair : pairs) CHECK(echoes(pair.dialler, pair.acceptor));
  CHECK(alice.open_links(bob.id()) == 100);
}
