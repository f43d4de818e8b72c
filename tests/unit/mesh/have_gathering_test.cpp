#include "mesh/have_gathering.hpp"

#include <random>
#include <string>
#include <vector>

#include "doctest/doctest.h"

using shoal::mesh::HaveGathering;

namespace {

const std::string handshake(68, 'h');
const std::string have("\0\0\0\5\4\0\0\1\2", 9);
const std::string request = std::string("\0\0\0\x0d\6", 5) + std::string(12, '\0');
const std::string keep_alive(4, '\0');
const std::string unchoke("\0\0\0\1\1", 5);
const std::string bitfield_of_four = std::string("\0\0\0\5\5", 5) + std::string(4, '\xff');

std::string piece() { return std::string("\0\0\x40\x09\7", 5) + std::string(0x4008, '\4'); }

}  // namespace

TEST_CASE("have messages at the end wait, and everything else leaves with what waited before it") {
  HaveGathering gathering;
  CHECK(gathering.leaving(handshake) == handshake.size());
  CHECK(gathering.leaving(have) == 0);
  CHECK(gathering.kept() == 9);
  CHECK(gathering.leaving(have + have) == 0);
  CHECK(gathering.kept() == 27);
  CHECK(gathering.leaving(request) == 27 + request.size());
  CHECK(gathering.kept() == 0);
  CHECK(gathering.leaving(piece() + have) == piece().size());
  CHECK(gathering.kept() == 9);
  gathering.clear();
  CHECK(gathering.leaving(have + request + have) == 9 + request.size());
}

TEST_CASE("messages that look like a have at first are none") {
  for (const std::string& other : {keep_alive, unchoke, bitfield_of_four, request, piece()}) {
    HaveGathering gathering;
    gathering.leaving(handshake);
    CHECK(gathering.leaving(other) == other.size());
    CHECK(gathering.leaving(have) == 0);
    CHECK(gathering.leaving(have + other) == 18 + other.size());
    CHECK(gathering.kept() == 0);
  }
}

TEST_CASE("however the stream is cut, nothing is lost and only have messages wait") {
  std::mt19937 random(3);
  const std::vector<std::string> kinds{have, request, keep_alive, unchoke, bitfield_of_four, piece()};
  std::string stream = handshake;
  for (int i = 0; i < 500; ++i) stream += random() % 2 ? have : kinds[random() % kinds.size()];
  HaveGathering gathering;
  std::size_t sent = 0;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t step = std::min<std::size_t>(stream.size() - at, 1 + random() % (random() % 2 ? 12 : 40'000));
    const std::size_t leaving = gathering.leaving(std::string_view(stream).substr(at, step));
    REQUIRE(leaving <= at + step - sent);
    sent += leaving;
    at += step;
    REQUIRE(sent + gathering.kept() == at);
    REQUIRE(gathering.kept() % have.size() == 0);
    for (std::size_t kept = 0; kept < gathering.kept(); kept += have.size()) REQUIRE(stream.substr(sent + kept, have.size()) == have);
  }
}
