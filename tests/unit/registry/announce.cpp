#include "doctest/doctest.h"
#include "registry/bencode.hpp"
#include "registry/messages.hpp"

namespace shoal::registry {
namespace {

using namespace std::string_literals;

AnnounceRequest example() {
  AnnounceRequest request;
  for (std::size_t i = 0; i < InfoHash::size(); ++i) request.info_hash.bytes[i] = static_cast<std::uint8_t>(i * 13);
  request.peer_id = "-SH0100-aaaaaaaaaaaa";
  request.port = 7000;
  request.uploaded = 1;
  request.downloaded = 2;
  request.left = 18446744073709551615ULL;
  request.event = "started";
  request.numwant = 30;
  return request;
}

TEST_CASE("an announce has every parameter of BEP 3 and asks for peer ids") {
  CHECK(announce_target(example()) ==
        "/announce?info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7&peer_id=-SH0100-aaaaaaaaaaaa&port=7000&uploaded=1"
        "&downloaded=2&left=18446744073709551615&event=started&compact=0&numwant=30");
}

TEST_CASE("an announce between events has no event") {
  AnnounceRequest request = example();
  request.event.clear();
  CHECK(announce_target(request).find("event") == std::string::npos);
}

Bencode peer(std::string id, std::string ip, std::int64_t port) {
  return Bencode::Dictionary{{"peer id", std::move(id)}, {"ip", std::move(ip)}, {"port", port}};
}
std::string reply_with(Bencode::List peers) { return Bencode(Bencode::Dictionary{{"interval", 60}, {"peers", std::move(peers)}}).encode(); }

TEST_CASE("peers come with the machine that their id names") {
  auto reply =
      decode_announce_reply(reply_with({peer("-SH0100-aaaaaaaaaaab", "10.0.0.1", 7000), peer("-SH0100-aaaaaaaaaaac", "2001:db8::1", 1)}));
  REQUIRE(reply.ok());
  CHECK(reply->interval == std::chrono::seconds(60));
  REQUIRE(reply->peers.size() == 2);
  CHECK(reply->peers[0].id.str() == "aaaaaaaaaaab");
  CHECK(reply->peers[0].address == HostPort{"10.0.0.1", 7000});
  CHECK(reply->peers[1].address.str() == "[2001:db8::1]:1");
}

TEST_CASE("peers that cannot be dialled or are not of the fleet are left out") {
  auto reply = decode_announce_reply(reply_with({
      peer("-TR4000-abcdefghijkl", "10.0.0.1", 7000),
      peer("-SH0100-AAAAAAAAAAAA", "10.0.0.1", 7000),
      peer("", "10.0.0.1", 7000),
      peer("-SH0100-aaaaaaaaaaab", "10.0.0.1", 0),
      peer("-SH0100-aaaaaaaaaaab", "10.0.0.1", 65536),
      peer("-SH0100-aaaaaaaaaaab", "10.0.0.1", -1),
      peer("-SH0100-aaaaaaaaaaab", "", 7000),
      peer("-SH0100-aaaaaaaaaaab", "a\nb", 7000),
      peer("-SH0100-aaaaaaaaaaab", "a/b?", 7000),
      peer("-SH0100-aaaaaaaaaaad", "10.0.0.2", 7000),
  }));
  REQUIRE(reply.ok());
  REQUIRE(reply->peers.size() == 1);
  CHECK(reply->peers[0].id.str() == "aaaaaaaaaaad");
}

TEST_CASE("a failure reason becomes an error that can be shown") {
  auto reply = decode_announce_reply("d14:failure reason20:unknown \x1b[31mtorrente");
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().message == "the tracker refused the announce: unknown ?[31mtorrent");
  CHECK_FALSE(decode_announce_reply("d14:failure reasoni1e8:intervali60e5:peerslee").ok());
}

TEST_CASE("machines that were revoked are named; what is no id is left out") {
  auto reply = decode_announce_reply("d8:intervali60e5:peersle7:revokedl12:aaaaaaaaaaab5:x y z4:niceee");
  REQUIRE(reply.ok());
  CHECK(reply->revoked.at(0) == NodeId::parse("aaaaaaaaaaab").value_or(NodeId()));
  CHECK(decode_announce_reply("d8:intervali60e5:peersle7:revokedi1ee")->revoked.empty());
}

TEST_CASE("a warning is kept, printable") {
  auto reply = decode_announce_reply(
      "d8:intervali60e5:peersle15:warning message6:hi\n\x07!\xff"
      "e");
  REQUIRE(reply.ok());
  CHECK(reply->warning == "hi?\?!?");
}

TEST_CASE("intervals that would make a fleet spin or sleep for ever are bounded") {
  CHECK(decode_announce_reply("d8:intervali0e5:peerslee")->interval == std::chrono::seconds(1));
  CHECK(decode_announce_reply("d8:intervali-9223372036854775808e5:peerslee")->interval == std::chrono::seconds(1));
  CHECK(decode_announce_reply("d8:intervali9223372036854775807e5:peerslee")->interval == std::chrono::hours(1));
}

TEST_CASE("announce replies of a wrong form are refused") {
  for (const std::string& text :
       {""s, "le"s, "i1e"s, "de"s, "d5:peerslee"s, "d8:interval2:605:peerslee"s, "d8:intervali60e5:peersi1ee"s,
        "d8:intervali60e5:peers6:\x7f\0\0\1\x1b\x58"
        "e"s,
        "d8:intervali60e5:peersli1eee"s, "d8:intervali60e5:peersld2:ip8:10.0.0.14:porti1eeee"s, "d8:intervali60e5:peersdee"s, "<html>"s}) {
    CAPTURE(text);
    CHECK_FALSE(decode_announce_reply(text).ok());
  }
}

TEST_CASE("a reply without peers is a reply") {
  CHECK(decode_announce_reply("d8:intervali60ee").ok());
  CHECK(decode_announce_reply("d8:intervali60e5:peers0:e")->peers.empty());
}

}  // namespace
}  // namespace shoal::registry
