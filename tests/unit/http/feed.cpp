#include "http/feed.hpp"

#include <doctest/doctest.h>

namespace shoal::http {
namespace {

Feed::Portion portion(std::size_t size) { return std::make_shared<const std::string>(size, 'x'); }

TEST_CASE("a feed gives its portions in order, and each push wakes its writer") {
  Feed feed(100);
  int woken = 0;
  feed.on_news([&] { ++woken; });
  CHECK(feed.push(portion(1)));
  CHECK(feed.push(portion(2)));
  CHECK(woken == 2);
  CHECK((*feed.take())->size() == 1);
  CHECK((*feed.take())->size() == 2);
  CHECK_FALSE(feed.take());
}

TEST_CASE("a reader that does not take what waits is dropped, and so is what waits") {
  Feed feed(100);
  CHECK(feed.push(portion(90)));
  CHECK_FALSE(feed.push(portion(90)));
  CHECK(feed.ended());
  CHECK_FALSE(feed.take());
  CHECK_FALSE(feed.push(portion(1)));
}

TEST_CASE("one portion may be larger than the limit") {
  Feed feed(100);
  CHECK(feed.push(portion(1000)));
  CHECK_FALSE(feed.ended());
}

}  // namespace
}  // namespace shoal::http
