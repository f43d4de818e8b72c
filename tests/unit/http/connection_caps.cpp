#include "http/connection_caps.hpp"

#include <list>

#include "doctest/doctest.h"

namespace shoal::http {
namespace {

net::ip::address address(const char* text) { return net::ip::make_address(text); }

TEST_CASE("one address cannot have more than its share") {
  ConnectionCaps caps(10, 2);
  auto first = caps.enter(address("10.0.0.1"));
  auto second = caps.enter(address("10.0.0.1"));
  CHECK_FALSE(caps.enter(address("10.0.0.1")));
  CHECK(caps.enter(address("10.0.0.2")));
  first.reset();
  CHECK(caps.enter(address("10.0.0.1")));
}

TEST_CASE("all addresses together cannot have more than the total") {
  ConnectionCaps caps(2, 2);
  auto first = caps.enter(address("10.0.0.1"));
  auto second = caps.enter(address("10.0.0.2"));
  CHECK_FALSE(caps.enter(address("10.0.0.3")));
  CHECK(caps.open() == 2);
  second.reset();
  CHECK(caps.enter(address("10.0.0.3")));
}

TEST_CASE("a moved place is given back once") {
  ConnectionCaps caps(1, 1);
  {
    auto place = caps.enter(address("10.0.0.1"));
    REQUIRE(place);
    ConnectionCaps::Place moved = std::move(*place);
    place.reset();
    CHECK(caps.open() == 1);
  }
  CHECK(caps.open() == 0);
}

TEST_CASE("the addresses of one IPv6 network share their places") {
  ConnectionCaps caps(10, 1);
  auto first = caps.enter(address("2001:db8:1:2::1"));
  CHECK_FALSE(caps.enter(address("2001:db8:1:2:ffff::9")));
  CHECK(caps.enter(address("2001:db8:1:3::1")));
}

TEST_CASE("one certificate cannot have more than its share, from wherever") {
  ConnectionCaps caps(10, 10, 2);
  auto first = caps.enter(address("10.0.0.1"), "a"), second = caps.enter(address("10.0.0.2"), "a");
  CHECK_FALSE(caps.enter(address("10.0.0.3"), "a"));
  CHECK(caps.enter(address("10.0.0.3"), "b"));
  first.reset();
  CHECK(caps.enter(address("10.0.0.3"), "a"));
}

TEST_CASE("an IPv4 address mapped into IPv6 counts as the IPv4 address") {
  ConnectionCaps caps(10, 1);
  auto first = caps.enter(address("10.0.0.1"));
  CHECK_FALSE(caps.enter(address("::ffff:10.0.0.1")));
  CHECK(unmapped(address("::ffff:10.0.0.1")).to_string() == "10.0.0.1");
  CHECK(unmapped(address("2001:db8::1")).to_string() == "2001:db8::1");
}

}  // namespace
}  // namespace shoal::http
