// Links carry bytes unchanged and in order, and end cleanly.
#include <sys/socket.h>

#include <thread>

#include "doctest/doctest.h"
#include "mesh_lab.hpp"

using namespace shoal;
using namespace shoal::mesh;
using namespace shoal::mesh::lab;
using shoal::test::TestFleet;

namespace {

constexpr std::size_t chunk = 256 * KiB;

/// Sends a pattern and then ends the stream.
void pour(Wire& wire, unsigned seed, std::size_t size) {
  for (std::size_t sent = 0; sent < size; sent += chunk)
    if (!wire.send(pattern(seed, sent, std::min(chunk, size - sent)))) return;
  wire.finish_writing();
}

/// How many bytes of the pattern came, in order and unchanged, before the stream ended.
std::size_t check_pattern(Wire& wire, unsigned seed) {
  std::size_t good = 0;
  for (;;) {
    std::string bytes = wire.receive(chunk);
    if (bytes != pattern(seed, good, bytes.size())) return good;
    good += bytes.size();
    if (bytes.size() < chunk) return good;
  }
}

LinkCounters counters_with(Machine& machine, const NodeId& peer) {
  for (const LinkCounters& link : machine.mesh().links())
    if (link.peer == peer) return link;
  return {};
}

}  // namespace

TEST_CASE("a link carries 64 MiB in both directions at once, unchanged and in order") {
  constexpr std::size_t size = 64 * MiB;
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2, Machine::quick(), identity::Role::seeder);
  Pair pair = link(alice, bob, content(1));

  std::size_t at_alice = 0, at_bob = 0;
  {
    std::jthread up([&] { pour(pair.dialler, 1, size); });
    std::jthread down([&] { pour(pair.acceptor, 2, size); });
    std::jthread read_at_bob([&] { at_bob = check_pattern(pair.acceptor, 1); });
    at_alice = check_pattern(pair.dialler, 2);
  }
  CHECK(at_alice == size);
  CHECK(at_bob == size);

  CHECK(eventually([&] { return alice.open_links(bob.id()) == 0 && bob.open_links(alice.id()) == 0; }));
  LinkCounters of_alice = counters_with(alice, bob.id()), of_bob = counters_with(bob, alice.id());
  CHECK(of_alice.sent == size + 68);
  CHECK(of_alice.received == size + 68);
  CHECK(of_bob.sent == size + 68);
  CHECK(of_bob.received == size + 68);
  CHECK(of_alice.role == identity::Role::seeder);
  CHECK(of_bob.role == identity::Role::node);
  CHECK(of_alice.info_hash == content(1));
  CHECK(alice.mesh().counters().dialled == 1);
  CHECK(bob.mesh().counters().accepted == 1);
}

TEST_CASE("counters go on over several links between the same machines") {
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  for (int round = 1; round <= 3; ++round) {
    Pair pair = link(alice, bob, content(1));
    pair = {};
    CHECK(eventually([&] { return alice.open_links(bob.id()) == 0 && bob.open_links(alice.id()) == 0; }));
    CHECK(counters_with(bob, alice.id()).received == static_cast<ByteCount>(68 * round));
    bob.forget_accepted();
  }
}

TEST_CASE("how long the way of a link is, is known while it lives") {
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  const VirtualEndpoint to_bob = alice.meet(bob, content(1));
  CHECK_FALSE(alice.mesh().round_trip(to_bob));
  CHECK_FALSE(alice.mesh().round_trip({1, 2}));
  {
    Pair pair = link(alice, bob, content(1));
    REQUIRE(echoes(pair.dialler, pair.acceptor));
    const auto way = alice.mesh().round_trip(to_bob);
    REQUIRE(way);
    CHECK(way->count() > 0);
    CHECK(*way < std::chrono::seconds(1));
  }
  CHECK(eventually([&] { return !alice.mesh().round_trip(to_bob); }));
}

TEST_CASE("when one side ends its stream, the other direction goes on until it ends too") {
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  Pair pair = link(alice, bob, content(1));
  pour(pair.dialler, 3, 1 * MiB);
  CHECK(check_pattern(pair.acceptor, 3) == 1 * MiB);  // the end has come through
  pour(pair.acceptor, 4, 1 * MiB);
  CHECK(check_pattern(pair.dialler, 4) == 1 * MiB);
  CHECK(eventually([&] { return alice.open_links(bob.id()) == 0 && bob.open_links(alice.id()) == 0; }));
}

TEST_CASE("an engine that goes away ends the link on both machines") {
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  Pair pair = link(alice, bob, content(1));
  pair.acceptor.close();
  CHECK(pair.dialler.ends());
  pair.dialler.close();
  CHECK(eventually([&] { return alice.open_links(bob.id()) == 0 && bob.open_links(alice.id()) == 0; }));
}

TEST_CASE("several contents between the same machines are several links") {
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  Pair one = link(alice, bob, content(1));
  Pair two = link(bob, alice, content(2));
  CHECK(echoes(one.dialler, one.acceptor));
  CHECK(echoes(two.dialler, two.acceptor));
  CHECK(alice.open_links(bob.id()) == 2);
}

TEST_CASE("a reader that stops holds up its own link after a bounded number of bytes, and nothing is lost") {
  TestFleet fleet;
  MeshOptions one_thread = Machine::quick();
  one_thread.threads = 1;
  Machine alice(fleet, 1, one_thread), bob(fleet, 2, one_thread);
  Pair stuck = link(alice, bob, content(1));
  Pair moving = link(alice, bob, content(2));
  int small = 64 * 1024;
  ::setsockopt(stuck.dialler.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);

  // Until nothing has moved through Alice's mesh for a while of the other link's traffic.
  constexpr std::size_t size = 64 * MiB;
  std::jthread sender([&] { pour(stuck.dialler, 5, size); });
  ByteCount before = 0, now = 1;
  while (now != before) {
    before = now;
    for (int i = 0; i < 50; ++i) REQUIRE(echoes(moving.dialler, moving.acceptor));
    for (const LinkCounters& link : alice.mesh().links())
      if (link.info_hash == content(1)) now = link.sent;
  }
  CHECK(now < 16 * MiB);  // kernel buffers of the wire, for the most part
  CHECK(check_pattern(stuck.acceptor, 5) == size);
}

TEST_CASE("a link without a byte in either direction ends after the idle time") {
  TestFleet fleet;
  MeshOptions impatient = Machine::quick();
  impatient.idle = std::chrono::milliseconds(100);
  Machine alice(fleet, 1), bob(fleet, 2, impatient);
  Pair pair = link(alice, bob, content(1));
  CHECK(pair.dialler.ends());
  CHECK(pair.acceptor.ends());
}

TEST_CASE("a mesh ends with its links alive, and the peers' engines see it") {
  TestFleet fleet;
  Machine alice(fleet, 1), bob(fleet, 2);
  std::vector<Pair> pairs;
  for (unsigned i = 1; i <= 20; ++i) pairs.push_back(link(alice, bob, content(i)));
  std::jthread sender([&] { pour(pairs[0].dialler, 1, 256 * MiB); });  // one of them in full flight
  alice.stop();
  for (std::size_t i = 1; i < pairs.size(); ++i) {
    CHECK(pairs[i].dialler.ends());
    CHECK(pairs[i].acceptor.ends());
  }
  CHECK(pairs[0].acceptor.ends());
}

TEST_CASE("a mesh ends with connections in every unfinished state") {
  TestFleet fleet;
  auto alice = std::make_unique<Machine>(fleet, 1);
  Machine bob(fleet, 2);
  alice->serve(content(1));
  bob.serve(content(1));
  Wire silent = Wire::connect(alice->mesh().port());
  Wire silent_client = Wire::connect(alice->mesh().front().port);
  Answer on_trial = alice->dial(alice->meet(bob, content(1)));
  on_trial.wire.send(bt_handshake(content(1)));
  CHECK(bob.next_accepted());  // an arrival that is not taken
  Door stalling;
  alice->mesh().introduce(test::node_id(9), content(1), {"127.0.0.1", stalling.port()});
  std::jthread dialling(
      [&, front = alice->mesh().front(), endpoint = alice->mesh().introduce(test::node_id(9), content(1), {"127.0.0.1", stalling.port()})] {
        (void)alice->dial(endpoint, front.user, front.password);
      });
  Wire stalled = stalling.accept();
  alice->stop();
  CHECK(silent.ends());
  CHECK(silent_client.ends());
  CHECK(on_trial.wire.ends());
}
