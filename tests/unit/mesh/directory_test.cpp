#include "mesh/directory.hpp"

#include <set>

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

NodeId node_id(unsigned number) {
  std::string name = "cccccccccccc";
  for (std::size_t i = 0; number > 0; number /= 20) name[i++] = static_cast<char>('d' + number % 20);
  return machine(name.c_str());
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

TEST_CASE("a machine that is renumbered for a content has a new address for it, and its old one still leads to it") {
  Directory directory;
  const VirtualEndpoint old = directory.endpoint({alice, content(1)}), other = directory.endpoint({alice, content(2)});
  directory.set_address(alice, {"10.0.0.1", 7});
  directory.renumber({alice, content(1)});
  const VirtualEndpoint now = directory.endpoint({alice, content(1)});
  CHECK(now.address != old.address);
  CHECK(now.port == old.port);
  CHECK(directory.find(old) == directory.find(now));
  CHECK(directory.is_current(now));
  CHECK_FALSE(directory.is_current(old));
  CHECK(directory.endpoint({alice, content(2)}) == other);
  CHECK(directory.address(alice)->port == 7);
  CHECK(directory.endpoint({bob, content(1)}).address != now.address);
  // It means this content alone.
  CHECK_FALSE(directory.find({now.address, other.port}));
}

TEST_CASE("who calls under an endpoint that rests is introduced under another one, once") {
  Directory directory;
  const VirtualEndpoint old = directory.endpoint({alice, content(1)});
  CHECK(directory.endpoint_for_caller({alice, content(1)}) == old);
  directory.rest(old);
  CHECK(directory.endpoint({alice, content(1)}) == old);  // the engine may want it again
  const VirtualEndpoint now = directory.endpoint_for_caller({alice, content(1)});
  CHECK(now != old);
  CHECK(directory.endpoint_for_caller({alice, content(1)}) == now);
  directory.rest(old);  // late news of one that was replaced
  CHECK(directory.endpoint_for_caller({alice, content(1)}) == now);
}

TEST_CASE("when a content lacks something again, those that rest and can be dialled have endpoints that the engine dials") {
  Directory directory;
  directory.set_address(alice, {"10.0.0.1", 7});
  const VirtualEndpoint old = directory.endpoint({alice, content(1)}), other = directory.endpoint({alice, content(2)});
  const VirtualEndpoint of_bob = directory.endpoint({bob, content(1)});
  for (const VirtualEndpoint endpoint : {old, other, of_bob}) directory.rest(endpoint);
  const auto awake = directory.wake(content(1));
  REQUIRE(awake.size() == 1);  // nobody knows where Bob listens
  CHECK(awake.front() != old);
  CHECK(directory.find(awake.front()) == LinkKey{alice, content(1)});
  CHECK(directory.wake(content(1)).empty());
  CHECK(directory.endpoint({alice, content(2)}) == other);
}

TEST_CASE("of machines that a tracker invents only so many are kept, and those that had a link are not forgotten for them") {
  Directory directory({.never_linked = 3, .once_linked = 2, .resting = 2});
  const VirtualEndpoint of_alice = directory.endpoint({alice, content(1)});
  directory.link_started(alice, identity::Role::node);
  const VirtualEndpoint of_bob = directory.endpoint({bob, content(1)});
  std::vector<VirtualEndpoint> given;
  for (unsigned i = 0; i < 1000; ++i) {
    directory.set_address(node_id(i), {"10.0.0.1", 7});
    given.push_back(directory.endpoint({node_id(i), content(1)}));
  }
  CHECK(directory.machines() == 4);
  CHECK(directory.find(of_alice) == LinkKey{alice, content(1)});
  CHECK(directory.endpoint({alice, content(1)}) == of_alice);
  // An address that the engine may still hold leads nowhere, and is nobody else's.
  CHECK_FALSE(directory.find(of_bob));
  CHECK_FALSE(directory.is_current(given.front()));
  CHECK(directory.find(given.back()) == LinkKey{node_id(999), content(1)});
  CHECK(std::set<VirtualEndpoint>(given.begin(), given.end()).size() == given.size());
  CHECK(directory.endpoint({bob, content(1)}).address > given.back().address);
}

TEST_CASE("machines whose links have ended are forgotten when there are too many of them, the longest gone first") {
  Directory directory({.never_linked = 3, .once_linked = 2, .resting = 2});
  for (unsigned i = 0; i < 5; ++i) directory.link_started(node_id(i), identity::Role::node);
  directory.link_started(node_id(0), identity::Role::node);  // a second link
  CHECK(directory.machines() == 5);
  for (unsigned i = 0; i < 5; ++i) directory.link_ended(node_id(i));
  CHECK(directory.machines() == 3);
  CHECK(directory.role(node_id(0)) == identity::Role::node);
  CHECK_FALSE(directory.role(node_id(1)));
  CHECK(directory.role(node_id(4)));
  directory.link_ended(node_id(0));
  CHECK(directory.machines() == 2);
  CHECK_FALSE(directory.role(node_id(3)));
}

TEST_CASE("what a content was given is forgotten with it") {
  Directory directory;
  const VirtualEndpoint old = directory.endpoint({alice, content(1)});
  directory.renumber({alice, content(1)});
  const VirtualEndpoint now = directory.endpoint({alice, content(1)});
  directory.release(content(1));
  CHECK(directory.contents() == 0);
  CHECK_FALSE(directory.find(old));
  CHECK_FALSE(directory.find(now));
  // Served again, it has another port for as long as there are fresh ones, and the machine its first address.
  const VirtualEndpoint again = directory.endpoint({alice, content(1)});
  CHECK(again.address == old.address);
  CHECK(again.port != old.port);
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
  directory.link_started(alice, identity::Role::seeder);
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
