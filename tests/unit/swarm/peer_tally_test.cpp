#include "swarm/peer_tally.hpp"

#include <doctest/doctest.h>

using namespace shoal::swarm;
using Kind = PeerTally::Kind;
using Way = PeerTally::Way;

namespace {

std::string line(const std::vector<shoal::log::Field>& fields) {
  std::string text;
  for (const auto& field : fields) text += (text.empty() ? "" : " ") + std::string(field.key) + "=" + field.value;
  return text;
}

}  // namespace

TEST_CASE("what passed is one line of counts, with the first pieces, each once") {
  PeerTally tally;
  for (int block = 0; block < 3; ++block) tally.add(Kind::request, Way::sent, 4);
  tally.add(Kind::request, Way::sent, 7);
  tally.add(Kind::block, Way::received, 4);
  tally.add(Kind::unchoke, Way::received);
  CHECK(line(tally.take_traffic()) ==
        "requests_sent=4 requests_sent_pieces=4,7 blocks_received=1 blocks_received_pieces=4 unchokes_received=1");
}

TEST_CASE("what was taken is forgotten, and nothing is an empty line") {
  PeerTally tally;
  CHECK(tally.take_traffic().empty());
  tally.add(Kind::have, Way::sent, 1);
  CHECK(line(tally.take_traffic()) == "haves_sent=1 haves_sent_pieces=1");
  CHECK(tally.take_traffic().empty());
}

TEST_CASE("grants are a line of their own") {
  PeerTally tally;
  tally.add(Kind::grant, Way::sent, 9);
  tally.add(Kind::show, Way::sent, 2);
  tally.add(Kind::request, Way::received, 9);
  CHECK(line(tally.take_grants()) == "grants_sent=1 grants_sent_pieces=9 asked_to_show=1 asked_to_show_pieces=2");
  CHECK(line(tally.take_traffic()) == "requests_received=1 requests_received_pieces=9");
}

TEST_CASE("however many pieces there are, a line names eight") {
  PeerTally tally;
  for (std::uint32_t piece = 0; piece < 100'000; ++piece) tally.add(Kind::have, Way::received, piece);
  CHECK(line(tally.take_traffic()) == "haves_received=100000 haves_received_pieces=0,1,2,3,4,5,6,7");
}

TEST_CASE("every kind has its names") {
  PeerTally tally;
  for (std::size_t kind = 0; kind < PeerTally::kinds; ++kind)
    for (const Way way : {Way::sent, Way::received}) tally.add(static_cast<Kind>(kind), way);
  CHECK(tally.take_traffic().size() == 14);
  CHECK(tally.take_grants().size() == 4);
}
