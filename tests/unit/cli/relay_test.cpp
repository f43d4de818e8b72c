#include "cli/relay.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/must.hpp"

using namespace shoal;
using namespace shoal::cli;

namespace {

/// A temporary file that remembers what was printed.
class Printed {
 public:
  Printed() : file_(std::tmpfile()) { REQUIRE(file_ != nullptr); }
  Printed(const Printed&) = delete;
  Printed& operator=(const Printed&) = delete;
  ~Printed() { std::fclose(file_); }
  std::FILE* file() const { return file_; }
  std::string text() const {
    std::rewind(file_);
    std::string text(4096, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file_));
    return text;
  }

 private:
  std::FILE* file_;
};

const Moment moment{"fetching a/b@1", 50, 100, 10, "2 peers", {{"from_source", 7}}, ""};

void work(Output& out) {
  out.progress(moment);
  out.message("a remark");
  out.progress_done();
  out.result({{"type", "complete"}, {"bytes", 100}}, "done");
}

/// What a command prints: of work that it does itself, or that it hears of.
std::string printed(bool json, bool relayed) {
  Printed out, err;
  const ManualClock clock{WallTime{}};
  Output here({.json = json, .results = out.file(), .messages = err.file(), .clock = &clock, .width = 80});
  if (relayed) {
    std::vector<Json> wire;
    Output there({.clock = &clock, .relay = [&](const Json& event) { wire.push_back(event); }});
    work(there);
    for (const Json& event : wire) replay(test::must(parse_json(event.dump(), 4096)), here);
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
  CHECK(result_in(relayed_result({{"type", "x"}}, "text"))["type"] == "x");
  CHECK(result_in(relayed_message("text")).is_null());
  Printed out, err;
  Output here({.results = out.file(), .messages = err.file()});
  for (const Json& event : {Json{{"later", 1}}, Json::array(), Json("text"), Json{{"progress", 7}}}) {
    CHECK(result_in(event).is_null());
    replay(event, here);
  }
  CHECK((out.text() + err.text()).empty());
}
