#include "mesh/socks.hpp"

#include "doctest/doctest.h"

using namespace shoal::mesh;

TEST_CASE("only a client that offers user and password is let on") {
  CHECK(socks::offers_password(std::string("\x00\x02", 2)));
  CHECK_FALSE(socks::offers_password(std::string("\x00\x01", 2)));
  CHECK_FALSE(socks::offers_password(""));
  CHECK(socks::method_choice(true) == "\x05\x02");
  CHECK(socks::method_choice(false) == "\x05\xff");
}

TEST_CASE("a wrong password is answered with a status that is not zero") {
  CHECK(socks::password_verdict(true) == std::string("\x01\x00", 2));
  CHECK(socks::password_verdict(false) == "\x01\x01");
}

TEST_CASE("a reply carries its code and an empty IPv4 address") {
  CHECK(socks::reply(socks::Reply::succeeded) == std::string("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10));
  CHECK(socks::reply(socks::Reply::host_unreachable)[1] == 4);
}

TEST_CASE("an endpoint is read in network byte order") {
  CHECK(socks::endpoint(std::string("\x7f\x40\x00\x01\xff\xfe", 6)) == VirtualEndpoint{0x7f400001, 0xfffe});
}
