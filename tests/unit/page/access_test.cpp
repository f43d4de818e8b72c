// Links, sessions, and the origin of a request.
#include <doctest/doctest.h>

#include "support/must.hpp"
#include "tracker/page/guard.hpp"
#include "tracker/page/links.hpp"
#include "tracker/page/sessions.hpp"

namespace shoal::page {
namespace {

const WallTime start{std::chrono::seconds(1'700'000'000)};

http::Request request(std::map<std::string, std::string> headers, const std::string& path = "/events", const std::string& method = "GET") {
  http::Request made;
  made.method = method;
  made.path = path;
  made.headers = std::move(headers);
  return made;
}
bool is_refused(std::map<std::string, std::string> headers, const std::string& path = "/events") {
  return objection(request(std::move(headers), path), GuardRules()).has_value();
}

TEST_CASE("a link opens the page once") {
  TempDirectory state;
  const std::string secret = test::must(make_link(state.path(), start));
  CHECK(use_link(state.path(), secret, start));
  CHECK_FALSE(use_link(state.path(), secret, start));
}

TEST_CASE("a link that is too old, or was never made, opens nothing") {
  TempDirectory state;
  const std::string secret = test::must(make_link(state.path(), start));
  CHECK_FALSE(use_link(state.path(), secret, start + link_life));
  CHECK_FALSE(use_link(state.path(), std::string(43, 'A'), start));
  CHECK_FALSE(use_link(state.path(), "../../identity/credentials.pem", start));
  CHECK_FALSE(use_link(state.path(), "", start));
}

TEST_CASE("a file beside the links has no way to become one of a later time") {
  TempDirectory state;
  const std::string secret = test::must(make_link(state.path(), start + std::chrono::hours(10)));
  CHECK_FALSE(use_link(state.path(), secret, start));  // the clock went back: it would be good for too long
}

TEST_CASE("links that nobody opens do not pile up") {
  TempDirectory state;
  for (std::size_t i = 0; i < most_links + 20; ++i) test::must(make_link(state.path(), start + std::chrono::seconds(i)));
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(state.path() / "page" / "links")) files += entry.is_regular_file() ? 1 : 0;
  CHECK(files <= most_links);
}

TEST_CASE("a session ends after its time, or when it is ended") {
  ManualClock clock(start);
  Sessions sessions(clock);
  const std::string one = sessions.begin(), other = sessions.begin();
  CHECK(one != other);
  CHECK(sessions.find(one));
  sessions.end(*sessions.find(other));
  CHECK_FALSE(sessions.find(other));
  clock.advance(Sessions::life);
  CHECK_FALSE(sessions.find(one));
}

TEST_CASE("with one session too many the oldest ends") {
  ManualClock clock(start);
  Sessions sessions(clock);
  const std::string first = sessions.begin();
  for (std::size_t i = 0; i < Sessions::most; ++i) {
    clock.advance(std::chrono::seconds(1));
    (void)sessions.begin();
  }
  CHECK_FALSE(sessions.find(first));
  CHECK_FALSE(sessions.find(std::string(100000, 'x')));
}

TEST_CASE("a name that is not ours is refused: DNS rebinding") {
  CHECK(is_refused({{"host", "evil.example:7480"}}));
  CHECK(is_refused({{"host", "127.0.0.1.evil.example"}}));
  CHECK(is_refused({{"host", ""}}));
  CHECK(is_refused({}));
  CHECK_FALSE(is_refused({{"host", "127.0.0.1:7480"}}));
  CHECK_FALSE(is_refused({{"host", "LOCALHOST:9999"}}));
  CHECK_FALSE(is_refused({{"host", "[::1]:7480"}}));
}

TEST_CASE("a request of another site is refused, but for opening the page") {
  const std::pair<std::string, std::string> host{"host", "127.0.0.1:7480"};
  CHECK(is_refused({host, {"origin", "http://evil.example"}}));
  CHECK(is_refused({host, {"origin", "http://127.0.0.1:7481"}}));
  CHECK(is_refused({host, {"origin", "null"}}));
  CHECK(is_refused({host, {"sec-fetch-site", "cross-site"}}));
  CHECK(is_refused({host, {"sec-fetch-site", "same-site"}}));
  CHECK_FALSE(is_refused({host, {"sec-fetch-site", "same-origin"}, {"origin", "http://127.0.0.1:7480"}}));
  CHECK_FALSE(is_refused({host, {"sec-fetch-site", "cross-site"}}, "/"));
}

TEST_CASE("the session's cookie is found among others") {
  CHECK(cookie_of(request({{"cookie", "a=1; shoal_page=secret; b=2"}}), "shoal_page") == "secret");
  CHECK(cookie_of(request({{"cookie", "xshoal_page=other"}}), "shoal_page").empty());
  CHECK(cookie_of(request({}), "shoal_page").empty());
}

}  // namespace
}  // namespace shoal::page
