#include "mesh/opening.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::mesh;

namespace {

const std::string hash(20, 'h');
const std::string good = std::string(
                             "\x13"
                             "BitTorrent protocol") +
                         std::string(8, '\x10') + hash;

}  // namespace

TEST_CASE("the info-hash is read from the first 48 bytes, whatever the reserved bits say") {
  REQUIRE(info_hash_of(good));
  CHECK(info_hash_of(good)->raw() == hash);
}

TEST_CASE("anything but 48 bytes that start with the protocol's name is refused") {
  CHECK_FALSE(info_hash_of(good.substr(0, 47)));
  CHECK_FALSE(info_hash_of(good + "x"));
  CHECK_FALSE(info_hash_of(""));
  CHECK_FALSE(info_hash_of("\x14" + good.substr(1)));
  CHECK_FALSE(info_hash_of(std::string("\x13"
                                       "bittorrent protocol") +
                           good.substr(20)));
  CHECK_FALSE(info_hash_of("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n" + std::string(9, 'x')));
}

TEST_CASE("a stream is given up at its first wrong byte, not at the 48th") {
  CHECK(may_be_opening(""));
  for (std::size_t size = 1; size <= good.size(); ++size) CHECK(may_be_opening(good.substr(0, size)));
  CHECK_FALSE(may_be_opening("G"));
  CHECK_FALSE(
      may_be_opening("\x13"
                     "BitTorrent protocoL"));
}
