#include "node/bandwidth.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

#include "support/must.hpp"

using namespace shoal;
using namespace shoal::node;
using test::must;

namespace {

constexpr Rates usual{7, 8};
enum Weekday : unsigned { sun, mon, tue, wed, thu, fri, sat };

LocalTime at(Weekday day, unsigned hour, unsigned minute = 0) { return {day, hour * 60 + minute}; }

Rates rates(const std::vector<std::string>& rules, LocalTime now) { return must(BandwidthSchedule::parse(rules)).at(now, usual); }

}  // namespace

TEST_CASE("without a rule that holds, the usual rates do") {
  CHECK(rates({}, at(mon, 12)) == usual);
  CHECK(rates({"mon-fri 08:00-18:00 up=10MB down=50MB"}, at(sun, 12)) == usual);
}

TEST_CASE("a window holds from its first minute to the one before its last") {
  const std::vector<std::string> rules{"mon-fri 08:00-18:00 up=10MB down=50MB"};
  const Rates work{10'000'000, 50'000'000};
  CHECK(rates(rules, at(mon, 7, 59)) == usual);
  CHECK(rates(rules, at(mon, 8)) == work);
  CHECK(rates(rules, at(fri, 17, 59)) == work);
  CHECK(rates(rules, at(fri, 18)) == usual);
  CHECK(rates(rules, at(sat, 12)) == usual);
}

TEST_CASE("a window over midnight belongs to the day on which it begins") {
  const std::vector<std::string> rules{"fri 22:00-06:00 up=1"};
  CHECK(rates(rules, at(fri, 21, 59)).upload == 7);
  CHECK(rates(rules, at(fri, 22)).upload == 1);
  CHECK(rates(rules, at(sat, 5, 59)).upload == 1);
  CHECK(rates(rules, at(sat, 6)).upload == 7);
  CHECK(rates(rules, at(fri, 5)).upload == 7);
  CHECK(rates(rules, at(sat, 22)).upload == 7);
  CHECK(rates({"sat 22:00-06:00 up=1"}, at(sun, 1)).upload == 1);
}

TEST_CASE("the last rule that names a direction decides on it, and zero is unlimited") {
  const std::vector<std::string> rules{"daily 00:00-24:00 up=5MB down=9MB", "sat,sun 00:00-24:00 up=0", "sun 12:00-13:00 down=1kB"};
  CHECK(rates(rules, at(mon, 23, 59)) == Rates{5'000'000, 9'000'000});
  CHECK(rates(rules, at(sat, 0)) == Rates{0, 9'000'000});
  CHECK(rates(rules, at(sun, 12)) == Rates{0, 1000});
}

TEST_CASE("days can go around the end of the week") {
  const std::vector<std::string> rules{"fri-mon,wed 00:00-24:00 up=1"};
  for (Weekday day : {fri, sat, sun, mon, wed}) CHECK(rates(rules, at(day, 12)).upload == 1);
  for (Weekday day : {tue, thu}) CHECK(rates(rules, at(day, 12)).upload == 7);
}

TEST_CASE("a rule that is wrong is refused by its own text") {
  for (const char* text : {"", "mon", "mon 08:00-18:00", "mon 08:00-18:00 sideways=3", "mon 08:00-18:00 up=fast", "noday 08:00-18:00 up=1",
                           "mon- 08:00-18:00 up=1", "mon, 08:00-18:00 up=1", "Mon 08:00-18:00 up=1", "mon 8:00-18:00 up=1",
                           "mon 08:00 up=1", "mon 08:60-18:00 up=1", "mon 24:00-06:00 up=1", "mon 06:00-24:01 up=1", "mon 06:00-25:00 up=1",
                           "mon 08:00-08:00 up=1", "mon -1:00-18:00 up=1", "mon 08:00-18:00 up=1 up=2", "mon 08:00-18:00 up="}) {
    CAPTURE(text);
    auto parsed = BandwidthSchedule::parse({"daily 00:00-24:00 up=1", text});
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().code == ErrorCode::usage);
    CHECK(parsed.error().message.find(std::string("'") + text + "'") != std::string::npos);
  }
}

TEST_CASE("the time of day is the machine's own") {
  const char* before = std::getenv("TZ");
  const std::string kept = before != nullptr ? before : "";
  ::setenv("TZ", "XYZ-3", 1);  // three hours east of UTC
  ::tzset();
  const LocalTime local = local_time(must(parse_time("2026-01-31T22:30:00Z")));  // a Saturday
  CHECK(local.weekday == sun);
  CHECK(local.minute == 90);
  before != nullptr ? ::setenv("TZ", kept.c_str(), 1) : ::unsetenv("TZ");
  ::tzset();
}
