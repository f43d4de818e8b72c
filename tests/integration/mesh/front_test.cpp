// The SOCKS front: who gets in, and where it leads.
#include "doctest/doctest.h"
#include "mesh_lab.hpp"

using namespace shoal;
using namespace shoal::mesh;
using namespace shoal::mesh::lab;
using shoal::test::TestFleet;

namespace {

struct Lab {
  TestFleet fleet;
  Machine alice{fleet, 1, Machine::quick(std::chrono::milliseconds(500))};
  Machine bob{fleet, 2};
  VirtualEndpoint endpoint;

  Lab() {
    alice.serve(content(1));
    bob.serve(content(1));
    endpoint = alice.meet(bob, content(1));
  }
  std::uint64_t refused() { return alice.mesh().counters().socks_refused; }
};

const std::string greeting("\5\1\2", 3);

std::string with_secret(const SocksFront& front) {
  auto counted = [](const std::string& text) { return static_cast<char>(text.size()) + text; };
  return '\1' + counted(front.user) + counted(front.password);
}

/// Connected and let in, before the request.
Wire let_in(Machine& machine) {
  Wire wire = Wire::connect(machine.mesh().front().port);
  wire.send(greeting);
  CHECK(wire.receive(2) == "\5\2");
  wire.send(with_secret(machine.mesh().front()));
  CHECK(wire.receive(2) == std::string("\1\0", 2));
  return wire;
}

}  // namespace

TEST_CASE("every mesh has a secret of its own, long enough") {
  Lab lab;
  CHECK(lab.alice.mesh().front().password.size() >= 32);
  CHECK(lab.alice.mesh().front().password != lab.bob.mesh().front().password);
}

TEST_CASE("a wrong secret is refused before a request is read") {
  Lab lab;
  const SocksFront& front = lab.alice.mesh().front();
  std::string almost = front.password;
  almost.back() = almost.back() == 'x' ? 'y' : 'x';
  CHECK(lab.alice.dial(lab.endpoint, front.user, almost).code == -1);
  CHECK(lab.alice.dial(lab.endpoint, front.user, "").code == -1);
  CHECK(lab.alice.dial(lab.endpoint, "root", front.password).code == -1);
  CHECK(lab.alice.dial(lab.endpoint, front.user, front.password + "x").code == -1);
  CHECK(eventually([&] { return lab.refused() == 4; }));
  CHECK(lab.bob.nothing_accepted());
}

TEST_CASE("a client that offers no password gets 'no acceptable method'") {
  Lab lab;
  Wire wire = Wire::connect(lab.alice.mesh().front().port);
  wire.send(std::string("\5\1\0", 3));
  CHECK(wire.receive(2) == "\5\xff");
  CHECK(wire.ends());
}

TEST_CASE("another version of SOCKS, and anything else, is hung up on") {
  Lab lab;
  for (std::string bytes : {std::string("\4\1\0\x50\x7f\0\0\1\0", 9), std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\0", 1)}) {
    Wire wire = Wire::connect(lab.alice.mesh().front().port);
    wire.send(bytes);
    CHECK(wire.receive(1).empty());
  }
  CHECK(eventually([&] { return lab.refused() == 3; }));
}

TEST_CASE("only CONNECT to an IPv4 address in the virtual range leads anywhere") {
  Lab lab;
  struct Row {
    const char* what;
    std::string request;
    int code;
  };
  const std::vector<Row> rows = {
      {"a real loopback address", std::string("\5\1\0\1\x7f\0\0\1\x1b\x58", 10), 2},
      {"an address of the network", std::string("\5\1\0\1\x0a\0\0\1\x1b\x58", 10), 2},
      {"just below the range", std::string("\5\1\0\1\x7f\x3f\xff\xff\x04\0", 10), 2},
      {"just above the range", std::string("\5\1\0\1\x7f\x80\0\1\x04\0", 10), 2},
      {"a virtual address that nobody has", std::string("\5\1\0\1\x7f\x50\0\1\x04\0", 10), 2},
      {"a host name", std::string("\5\1\0\3\x09localhost\0\x50", 16), 8},
      {"an IPv6 address", std::string("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x50", 22), 8},
      {"BIND", std::string("\5\2\0\1\x7f\x40\0\1\x04\0", 10), 7},
      {"UDP ASSOCIATE", std::string("\5\3\0\1\x7f\x40\0\1\x04\0", 10), 7},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Wire wire = let_in(lab.alice);
    wire.send(row.request);
    std::string reply = wire.receive(10);
    REQUIRE(reply.size() == 10);
    CHECK(reply[1] == row.code);
    CHECK(wire.ends());
  }
}

TEST_CASE("a client that stops in the middle is hung up on when its time is over") {
  Lab lab;
  std::string whole = greeting + with_secret(lab.alice.mesh().front());
  for (std::size_t cut : {std::size_t(0), std::size_t(1), std::size_t(2), std::size_t(3), std::size_t(5), whole.size() - 1, whole.size()}) {
    INFO("after ", cut, " bytes");
    Wire wire = Wire::connect(lab.alice.mesh().front().port);
    wire.send(whole.substr(0, cut));
    CHECK(wire.ends());
  }
}

TEST_CASE("failures of the dial are failures of the reply") {
  Lab lab;
  auto& mesh = lab.alice.mesh();
  SUBCASE("nobody listens there") {
    std::uint16_t closed_port = Door().port();
    CHECK(lab.alice.dial(mesh.introduce(lab.bob.id(), content(1), {"127.0.0.1", closed_port})).code == 4);
  }
  SUBCASE("the machine's address is not known") {
    VirtualEndpoint known = mesh.introduce(lab.bob.id(), content(1), {"not-an-address", 1});
    CHECK(lab.alice.dial(known).code == 4);
  }
  SUBCASE("nobody answers the handshake") {
    Door silent;
    CHECK(lab.alice.dial(mesh.introduce(lab.bob.id(), content(1), {"127.0.0.1", silent.port()})).code == 4);
    CHECK(mesh.counters().handshake_timed_out == 1);
  }
  SUBCASE("the content is not served") { CHECK(lab.alice.dial(mesh.introduce(lab.bob.id(), content(2), lab.bob.address())).code == 2); }
}

TEST_CASE("an endpoint says whom it stands for, and in which role once a link was made") {
  Lab lab;
  auto before = lab.alice.mesh().whom(lab.endpoint);
  REQUIRE(before);
  CHECK(before->peer == lab.bob.id());
  CHECK(before->info_hash == content(1));
  CHECK_FALSE(before->role);
  Pair pair = link(lab.alice, lab.bob, content(1));
  CHECK(lab.alice.mesh().whom(lab.endpoint)->role == identity::Role::node);
  CHECK_FALSE(lab.alice.mesh().whom({0x7f400777, 1024}));
}
