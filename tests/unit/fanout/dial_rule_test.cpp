#include "fanout/dial_rule.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using shoal::fanout::may_dial;

TEST_CASE("machines of networks are dialled, wherever the tracker is") {
  for (const char* host : {"10.0.0.1", "192.168.1.7", "100.64.3.2", "203.0.113.9", "2001:db8::1", "fd00::1", "::ffff:10.0.0.1"})
    for (const bool local : {false, true}) {
      CAPTURE(host);
      CHECK(may_dial(host, local));
    }
}

TEST_CASE("loopback is dialled where the tracker itself was reached there, and nowhere else") {
  for (const char* host : {"127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"}) {
    CAPTURE(host);
    CHECK(may_dial(host, true));
    CHECK_FALSE(may_dial(host, false));
  }
}

TEST_CASE("the link's own addresses, with the metadata services of clouds, are never dialled, nor what is no machine's") {
  for (const char* host : {"169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0", "0.1.2.3", "::", "224.0.0.1",
                           "255.255.255.255", "240.0.0.1", "ff02::1", "fe80::1%1", "tracker.example", ""})
    for (const bool local : {false, true}) {
      CAPTURE(host);
      CHECK_FALSE(may_dial(host, local));
    }
}
