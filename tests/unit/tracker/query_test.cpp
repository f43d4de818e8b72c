#include "tracker/query.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::tracker;

namespace {

const std::string hash(20, 'h');
const std::string good = "info_hash=" + hash + "&peer_id=-XX0001-abcdefghijkl&port=6881&uploaded=1&downloaded=2&left=3";

AnnounceQuery parsed(const std::string& query) {
  auto result = parse_announce(query);
  REQUIRE_MESSAGE(result.ok(), (result.ok() ? "" : result.error().message));
  return *result;
}
std::string refusal(const std::string& query) {
  auto result = parse_announce(query);
  REQUIRE_MESSAGE(!result.ok(), query);
  return result.error().message;
}
/// The good query with one parameter put in another way; an empty `replacement` takes it out.
std::string with(const std::string& name, const std::string& replacement) {
  std::string query = good;
  auto from = query.find(name + "=");
  if (from == std::string::npos) return query + "&" + replacement;
  auto to = query.find('&', from);
  return query.substr(0, from) + replacement + (to == std::string::npos ? "" : query.substr(to));
}
bool says(const std::string& message, const std::string& part) { return message.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a plain announce is read whole") {
  AnnounceQuery query = parsed(good);
  CHECK(query.info_hash.raw() == hash);
  CHECK(query.peer_id == "-XX0001-abcdefghijkl");
  CHECK(query.port == 6881);
  CHECK(query.uploaded == 1);
  CHECK(query.downloaded == 2);
  CHECK(query.left == 3U);
  CHECK(query.event == Event::none);
  CHECK(query.numwant == 50);
  CHECK(query.compact);
  CHECK_FALSE(query.no_peer_id);
  CHECK(query.key.empty());
}

TEST_CASE("info_hash is decoded in every form that clients send") {
  SUBCASE("hexadecimal digits of any case") {
    CHECK(parsed(with("info_hash", "info_hash=%aA%Aa" + std::string(18, 'x'))).info_hash.raw() == "\xaa\xaa" + std::string(18, 'x'));
  }
  SUBCASE("a plus is a plus and not a space") {
    CHECK(parsed(with("info_hash", "info_hash=++" + std::string(18, 'x'))).info_hash.raw() == "++" + std::string(18, 'x'));
  }
  SUBCASE("raw bytes above 0x7f") {
    CHECK(parsed(with("info_hash", "info_hash=\xff\x80" + std::string(18, 'x'))).info_hash.raw() == "\xff\x80" + std::string(18, 'x'));
  }
  SUBCASE("zero bytes") {
    std::string zeros;
    for (int i = 0; i < 20; ++i) zeros += "%00";
    CHECK(parsed(with("info_hash", "info_hash=" + zeros)).info_hash.raw() == std::string(20, '\0'));
  }
  SUBCASE("an encoded ampersand does not end it") {
    CHECK(parsed(with("info_hash", "info_hash=%26" + std::string(19, 'x'))).info_hash.raw() == "&" + std::string(19, 'x'));
  }
}

TEST_CASE("an announce with a bad info_hash is refused with a reason") {
  CHECK(says(refusal(with("info_hash", "x=1")), "info_hash is missing"));
  CHECK(says(refusal(with("info_hash", "info_hash=")), "20 bytes"));
  CHECK(says(refusal(with("info_hash", "info_hash=" + std::string(19, 'h'))), "not 19"));
  CHECK(says(refusal(with("info_hash", "info_hash=" + std::string(21, 'h'))), "not 21"));
  CHECK(says(refusal(with("info_hash", "info_hash=%g0" + std::string(19, 'h'))), "percent"));
  CHECK(says(refusal(with("info_hash", "info_hash=" + std::string(19, 'h') + "%a")), "percent"));
  CHECK(says(refusal(with("info_hash", "info_hash=" + std::string(32, 'h'))), "v2"));
  CHECK(says(refusal(good + "&info_hash=" + hash), "multiple info_hash"));
}

TEST_CASE("peer_id must be there with exactly 20 bytes") {
  CHECK(says(refusal(with("peer_id", "x=1")), "peer_id is missing"));
  CHECK(says(refusal(with("peer_id", "peer_id=" + std::string(19, 'p'))), "not 19"));
  CHECK(says(refusal(with("peer_id", "peer_id=" + std::string(21, 'p'))), "not 21"));
  CHECK(parsed(with("peer_id", "peer_id=%00" + std::string(19, 'p'))).peer_id == std::string(1, '\0') + std::string(19, 'p'));
}

TEST_CASE("port is a number of 16 bits") {
  CHECK(parsed(with("port", "port=0")).port == 0);
  CHECK(parsed(with("port", "port=1")).port == 1);
  CHECK(parsed(with("port", "port=65535")).port == 65535);
  for (const char* bad : {"65536", "-1", "abc", "", "80x", "99999999999999999999", "0x50", " 80"})
    CHECK(says(refusal(with("port", std::string("port=") + bad)), "port"));
  CHECK(says(refusal(with("port", "x=1")), "port is missing"));
}

TEST_CASE("uploaded, downloaded and left are decimal numbers of 64 bits") {
  for (const std::string name : {"uploaded", "downloaded", "left"}) {
    CAPTURE(name);
    for (const char* bad : {"-1", "1.5", "x", "", "18446744073709551616", "+1"}) CHECK(says(refusal(with(name, name + "=" + bad)), name));
    CHECK(parse_announce(with(name, name + "=18446744073709551615")).ok());
  }
}

TEST_CASE("a missing left is unknown and not zero") {
  CHECK_FALSE(parsed(with("left", "x=1")).left.has_value());
  CHECK(parsed(with("uploaded", "x=1")).uploaded == 0);
}

TEST_CASE("events are known words in lower case") {
  CHECK(parsed(good + "&event=started").event == Event::started);
  CHECK(parsed(good + "&event=completed").event == Event::completed);
  CHECK(parsed(good + "&event=stopped").event == Event::stopped);
  CHECK(parsed(good + "&event=paused").event == Event::paused);
  CHECK(parsed(good + "&event=").event == Event::none);
  for (const char* bad : {"Started", "STOPPED", "none", "update", "x"}) CHECK(says(refusal(good + "&event=" + bad), "event"));
}

TEST_CASE("numwant is capped, and negative means the default") {
  CHECK(parsed(good + "&numwant=0").numwant == 0);
  CHECK(parsed(good + "&numwant=10").numwant == 10);
  CHECK(parsed(good + "&numwant=200").numwant == 200);
  CHECK(parsed(good + "&numwant=201").numwant == 200);
  CHECK(parsed(good + "&numwant=4000000000").numwant == 200);
  CHECK(parsed(good + "&numwant=-1").numwant == 50);
  for (const char* bad : {"many", "", "-", "1x", "--1"}) CHECK(says(refusal(good + "&numwant=" + bad), "numwant"));
}

TEST_CASE("lists are compact unless compact=0 is asked for") {
  CHECK(parsed(good).compact);
  CHECK(parsed(good + "&compact=1").compact);
  CHECK(parsed(good + "&compact=2").compact);
  CHECK(parsed(good + "&compact=").compact);
  CHECK_FALSE(parsed(good + "&compact=0").compact);
  CHECK(parsed(good + "&no_peer_id=1").no_peer_id);
  CHECK_FALSE(parsed(good + "&no_peer_id=0").no_peer_id);
}

TEST_CASE("key and trackerid are kept, unknown parameters and addresses are ignored") {
  AnnounceQuery query = parsed(good + "&key=%61bc&trackerid=t1&ip=6.6.6.6&ipv4=6.6.6.6:1&ipv6=::1&%zz=1&nonsense&supportcrypto=1");
  CHECK(query.key == "abc");
  CHECK(query.address.empty());
  CHECK(parsed(good + "&address=fd00%3A%3A5").address == "fd00::5");
  CHECK(query.tracker_id == "t1");
  CHECK(parsed(good + "&key=" + std::string(5000, 'k')).key.size() == 64);
}

TEST_CASE("of a parameter that comes twice, the first counts") { CHECK(parsed(good + "&port=1").port == 6881); }

TEST_CASE("a scrape names its torrents, each once, in order") {
  std::string a(20, 'a'), b(20, 'b');
  auto hashes = parse_scrape("info_hash=" + b + "&info_hash=" + a + "&info_hash=" + b);
  REQUIRE(hashes.ok());
  REQUIRE(hashes->size() == 2);
  CHECK(hashes->at(0).raw() == a);
  CHECK(hashes->at(1).raw() == b);
}

TEST_CASE("a scrape of everything, of too much or of nonsense is refused") {
  CHECK_FALSE(parse_scrape("").ok());
  CHECK_FALSE(parse_scrape("x=1").ok());
  CHECK_FALSE(parse_scrape("info_hash=short").ok());
  CHECK_FALSE(parse_scrape("info_hash=" + std::string(32, 'h')).ok());
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += "&info_hash=" + std::string(18, 'h') + static_cast<char>('0' + i / 10) + static_cast<char>('0' + i % 10);
  CHECK_FALSE(parse_scrape(many.substr(1)).ok());
  CHECK(parse_scrape(many.substr(1, many.rfind('&') - 1)).ok());
}
