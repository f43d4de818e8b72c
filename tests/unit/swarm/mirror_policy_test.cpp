#include "swarm/mirror_policy.hpp"

#include "doctest/doctest.h"

using namespace shoal;
using namespace shoal::swarm;
using namespace std::chrono_literals;

namespace {

using Pieces = std::vector<std::uint32_t>;
const SteadyTime begun = SteadyTime(1h);
const store::FilePart extent = [] {
  store::FilePart of;
  of.offset = 100;
  of.length = 50;
  return of;
}();

MirrorSight sight(std::chrono::milliseconds after, bool source, ByteCount received, std::vector<int> availability) {
  MirrorSight seen;
  seen.now = begun + after;
  seen.source_connected = source;
  seen.received = received;
  seen.have = {true, false, false};
  seen.availability = std::move(availability);
  return seen;
}

http::Response answer(int status, std::string body, std::string range = "bytes 100-149/1000") {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.content_range = std::move(range);
  return response;
}

std::string why_not(http::Response response) {
  auto bytes = bytes_from(std::move(response), extent, 1000);
  return bytes.ok() ? "" : bytes.error().message;
}

}  // namespace

TEST_CASE("nothing is asked of a mirror before the patience has passed") {
  MirrorPolicy policy(10s, begun);
  CHECK(policy.wanted(sight(9s, false, 0, {0, 0, 0})).empty());
  CHECK(policy.wanted(sight(10s, false, 0, {0, 0, 0})) == Pieces{1, 2});
}

TEST_CASE("while a source is there and bytes come, a piece that nobody shows is left to it") {
  MirrorPolicy policy(10s, begun);
  for (int second = 1; second < 60; ++second)
    CHECK(policy.wanted(sight(second * 1s, true, static_cast<ByteCount>(second), {1, 0, 1})).empty());
}

TEST_CASE("without a source, what nobody has is asked for, and no more") {
  MirrorPolicy policy(10s, begun);
  CHECK(policy.wanted(sight(11s, false, 5, {1, 0, 3})) == Pieces{1});
  CHECK(policy.wanted(sight(12s, false, 6, {1, 1, 3})).empty());
}

TEST_CASE("where others of the site may be fetching it, what nobody shows is asked for only when nothing comes") {
  MirrorPolicy policy(10s, begun);
  MirrorSight seen = sight(11s, false, 5, {1, 0, 3});
  seen.partly_hidden = true;
  CHECK(policy.wanted(seen).empty());
  seen.now += 11s;
  CHECK(policy.wanted(seen) == Pieces{1});
}

TEST_CASE("when nothing comes at all, whatever is missing is asked for, though somebody says to have it") {
  MirrorPolicy policy(10s, begun);
  CHECK(policy.wanted(sight(1s, true, 5, {1, 1, 1})).empty());
  CHECK(policy.wanted(sight(10s, true, 5, {1, 1, 1})).empty());
  CHECK(policy.wanted(sight(11s, true, 5, {1, 1, 1})) == Pieces{1, 2});
}

TEST_CASE("a stall ends the patience, and what arrives then begins it anew") {
  MirrorPolicy policy(10min, begun);
  CHECK(policy.wanted(sight(1s, true, 5, {1, 1, 1})).empty());
  CHECK(policy.wanted(sight(60s, true, 5, {1, 1, 1})).empty());
  policy.hasten(begun + 60s);
  CHECK(policy.wanted(sight(60s, true, 5, {1, 1, 1})) == Pieces{1, 2});
  CHECK(policy.wanted(sight(61s, true, 6, {1, 1, 1})).empty());
}

TEST_CASE("a mirror that fails is left alone for longer each time, five minutes at most") {
  CHECK(mirror_pause(1) == 5s);
  CHECK(mirror_pause(2) == 10s);
  CHECK(mirror_pause(1000) == 300s);
}

TEST_CASE("only the range that was asked for is taken") {
  CHECK(range_header(extent) == "bytes=100-149");
  CHECK(bytes_from(answer(206, std::string(50, 'x')), extent, 1000).value_or("") == std::string(50, 'x'));
  CHECK(why_not(answer(206, std::string(50, 'x'), "bytes 0-49/1000")).find("range") != std::string::npos);
  CHECK(why_not(answer(206, std::string(49, 'x'))).find("49 of 50") != std::string::npos);
  CHECK(why_not(answer(200, std::string(1000, 'x'))).find("ranges") != std::string::npos);
  CHECK(why_not(answer(416, "")).find("416") != std::string::npos);
  CHECK(why_not(answer(302, "")).find("redirect") != std::string::npos);
  CHECK(why_not(answer(503, "")).find("503") != std::string::npos);
}

TEST_CASE("a file that is one piece may come whole") {
  store::FilePart whole;
  whole.offset = 0;
  whole.length = 4;
  CHECK(bytes_from(answer(200, "abcd", ""), whole, 4).value_or("") == "abcd");
}
