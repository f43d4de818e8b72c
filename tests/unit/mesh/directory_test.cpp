#include "mesh/directory.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::mesh;

namespace {

NodeId machine(const char* name) { return NodeId::parse(name).value(); }

InfoHash content(unsigned number) {
  InfoHash hash;
  hash.bytes[0] = static_cast<std::uint8_t>(number);
  hash.bytes[1] = static_cast<std::uint8_t>(number >> 8);
  hash.bytes[2] = static_cast<std::uint8_t>(number >> 16);
  return hash;
}

const NodeId alice = machine("aaaaaaaaaaaa");
const NodeId bob = machine("bbbbbbbbbbbb");

}  // namespace

TEST_CASE("a machine keeps its virtual address and an info-hash its virtual port") {
  Directory directory;
  VirtualEndpoint first = directory.endpoint({alice, content(1)});
  VirtualEndpoint other_machine = directory.endpoint({bob, content(1)});
  VirtualEndpoint other_content = directory.endpoint({alice, content(2)});
  CHECK(first.address == other_content.address);
  CHECK(first.port == other_machine.port);
  CHECK(first.address != other_machine.address);
  CHECK(first.port != other_content.port);
  CHECK(directory.endpoint({alice, content(1)}) == first);
}

TEST_CASE("a machine that is renumbered has a new address, and its old one still leads to it") {
  Directory directory;
  const VirtualEndpoint old = directory.endpoint({alice, content(1)});
  directory.set_address(alice, {"10.0.0.1", 7});
  directory.set_role(alice, identity::Role::seeder);
  directory.renumber(alice);
  const VirtualEndpoint now = directory.endpoint({alice, content(1)});
  CHECK(now.address != old.address);
  CHECK(now.port == old.port);
  CHECK(directory.find(old) == directory.find(now));
  CHECK(directory.address(alice)->port == 7);
  CHECK(directory.role(alice) == identity::Role::seeder);
  CHECK(directory.endpoint({bob, content(1)}).address != now.address);
}

TEST_CASE("virtual endpoints lie in 127.64.0.0/10 and above the privileged ports") {
  Directory directory;
  VirtualEndpoint endpoint = directory.endpoint({alice, content(1)});
  CHECK((endpoint.address >> 22) == (0x7f400000U >> 22));
  CHECK(endpoint.port >= 1024);
  CHECK_FALSE(Directory::is_virtual(0x7f000001));
  CHECK_FALSE(Directory::is_virtual(0x7f800001));
  CHECK_FALSE(Directory::is_virtual(0x7f400000));
  CHECK(Directory::is_virtual(0x7f400001));
  CHECK(Directory::is_virtual(0x7f7ffffe));
}

TEST_CASE("a virtual endpoint leads back to what it stands for, and only that") {
  Directory directory;
  VirtualEndpoint endpoint = directory.endpoint({bob, content(3)});
  CHECK(directory.find(endpoint) == LinkKey{bob, content(3)});
  CHECK_FALSE(directory.find({endpoint.address + 1, endpoint.port}));
  CHECK_FALSE(directory.find({endpoint.address, static_cast<std::uint16_t>(endpoint.port + 1)}));
  CHECK_FALSE(directory.find({0x7f000001, endpoint.port}));
  CHECK_FALSE(directory.find({0, 0}));
}

TEST_CASE("a later address replaces the first, and a role is known once it was set") {
  Directory directory;
  CHECK_FALSE(directory.address(alice));
  directory.set_address(alice, {"10.0.0.1", 7000});
  directory.set_address(alice, {"10.0.0.2", 7001});
  CHECK(directory.address(alice) == HostPort{"10.0.0.2", 7001});
  CHECK_FALSE(directory.role(alice));
  directory.set_role(alice, identity::Role::seeder);
  CHECK(directory.role(alice) == identity::Role::seeder);
}

TEST_CASE("when all ports are in use, only a released one is given anew, the longest unused first") {
  Directory directory;
  for (unsigned i = 0; i < 64512; ++i) REQUIRE(directory.endpoint({alice, content(i)}).port == 1024 + i);
  CHECK(directory.endpoint({alice, content(70000)}) == VirtualEndpoint{});
  directory.release(content(9));
  directory.release(content(5));
  directory.release(content(9));
  std::uint16_t ninth = 1024 + 9;
  CHECK(directory.endpoint({alice, content(70000)}).port == ninth);
  CHECK(directory.find({Directory::first_address, ninth})->info_hash == content(70000));
  // Served again before anybody needed its port.
  CHECK(directory.endpoint({alice, content(5)}).port == 1024 + 5);
  CHECK(directory.endpoint({alice, content(70001)}) == VirtualEndpoint{});
}
