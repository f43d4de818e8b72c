#include "cli/relay.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/must.hpp"
#include "unit/cli/sample.hpp"

using namespace shoal;
using namespace shoal::cli;

namespace {

const Moment moment{"fetching a/b@1", 50, 100, 10, "2 peers", {{"from_source", 7}}, ""};

void work(Output& out) {
  out.progress(moment);
  out.message("a remark");
  out.progress_done();
  out.result({{"type", "complete"}, {"bytes", 100}}, "done");
}

/// The output of a command that does the work itself, or hears of it.
std::string printed(bool json, bool relayed) {
  cli::test::Sink out, err;
  const ManualClock clock{WallTime{}};
  Output here({.json = json, .results = out.file(), .messages = err.file(), .clock = &clock, .width = 80});
  if (relayed) {
    std::vector<Json> wire;
    Output there({.clock = &clock, .relay = [&](const Json& event) { wire.push_back(event); }});
    work(there);
    for (const Json& event : wire) replay(shoal::test::must(parse_json(event.dump(), 4096)), here);
  } else work(here);
  return out.text() + "|" + err.text();
}

}  // namespace

TEST_CASE("what was relayed is printed as if the work were done here, for people and with --json") {
  for (const bool json : {false, true}) {
    CAPTURE(json);
    CHECK(printed(json, true) == printed(json, false));
  }
  CHECK(printed(true, true).find("\"from_source\":7") != std::string::npos);
}

TEST_CASE("the result of a relayed event is found, and what a later version relays is let pass") {
  std::vector<Json> wire;
  Output there({.relay = [&](const Json& event) { wire.push_back(event); }});
  there.result({{"type", "x"}}, "text");
  there.message("text");
  REQUIRE(wire.size() == 2);
  CHECK(result_in(wire[0])["type"] == "x");
  CHECK(result_in(wire[1]).is_null());
  cli::test::Sink out, err;
  Output here({.results = out.file(), .messages = err.file()});
  for (const Json& event : {Json{{"later", 1}}, Json::array(), Json("text"), Json{{"progress", 7}}}) {
    CHECK(result_in(event).is_null());
    replay(event, here);
  }
  CHECK((out.text() + err.text()).empty());
}
