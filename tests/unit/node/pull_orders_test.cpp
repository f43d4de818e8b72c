#include "node/pull_orders.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "node/pull_report.hpp"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;

namespace {

ReleaseId id_of(char digit) { return test::must(ReleaseId::from_hex(std::string(64, digit))); }

PullOrders::Order order(char release, bool allow = false) {
  return {test::must(parse_reference("a/b@1")), id_of(release), test::must(VersionName::parse("1")), allow};
}

}  // namespace

TEST_CASE("a release is wanted for as long as an order of it lives, with the consent that any of them gives") {
  PullOrders orders;
  CHECK_FALSE(orders.wants(id_of('1')));
  const auto first = orders.place(order('1'));
  {
    const auto second = orders.place(order('1', true));
    const auto other = orders.place(order('2'));
    CHECK(orders.all().size() == 3);
    CHECK(orders.allows_code(id_of('1')));
    CHECK_FALSE(orders.allows_code(id_of('2')));
  }
  CHECK(orders.wants(id_of('1')));
  CHECK_FALSE(orders.allows_code(id_of('1')));
  CHECK_FALSE(orders.wants(id_of('2')));
}

TEST_CASE("everybody who ordered a release hears of it, in order, of progress the newest, and then its end") {
  PullOrders orders;
  const auto first = orders.place(order('1')), second = orders.place(order('1')), other = orders.place(order('2'));
  for (int i = 0; i < 50; ++i) orders.say(id_of('1'), {{"progress", i}});
  for (int i = 0; i < 300; ++i) orders.say(id_of('1'), {{"message", i}});
  orders.end(id_of('1'), fail(ErrorCode::no_space, "full"));
  for (const auto* placed : {&first, &second}) {
    std::vector<Json> heard;
    const auto outcome = (*placed)->news->wait([&](const Json& event) { heard.push_back(event); }, {});
    REQUIRE(outcome);
    CHECK(outcome->error().code == ErrorCode::no_space);
    CHECK(heard.size() == 100);
    CHECK(heard.back()["message"] == 299);
  }
  orders.say(id_of('2'), {{"progress", 1}});
  orders.say(id_of('2'), {{"progress", 2}});
  std::stop_source stop;
  std::vector<Json> heard;
  CHECK_FALSE(other->news->wait(
      [&](const Json& event) {
        heard.push_back(event);
        stop.request_stop();
      },
      stop.get_token()));
  CHECK(heard == std::vector<Json>{Json{{"progress", 2}}});
}

TEST_CASE("the last line of a pull is the path to use, and programs have both paths") {
  PullReport report{id_of('1'), test::must(ModelName::parse("a/b")), test::must(VersionName::parse("1")), "/state/releases/1"};
  CHECK(complete_line(report)["link"].is_null());
  CHECK(complete_text(report).ends_with("\n/state/releases/1"));
  report.link = "/state/models/a/b/main";
  CHECK(complete_line(report)["link"] == "/state/models/a/b/main");
  CHECK(complete_line(report)["path"] == "/state/releases/1");
  CHECK(complete_text(report).ends_with("\n/state/models/a/b/main"));
}
