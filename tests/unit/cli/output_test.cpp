#include "cli/output.hpp"

#include <fcntl.h>

#include "cli/progress.hpp"
#include "doctest/doctest.h"
#include "unit/cli/sample.hpp"

using namespace shoal;
using namespace shoal::cli;
using namespace shoal::cli::test;

namespace {

struct Screen {
  Sink out, err;
  ManualClock clock{WallTime{}};
  Output::Options options{.results = out.file(), .messages = err.file(), .clock = &clock, .width = 80};
};

Moment halfway() { return {.what = "fetching a/b", .done = 500 * 1000 * 1000, .total = 1000 * 1000 * 1000, .rate = 100 * 1000 * 1000}; }

std::size_t lines_in(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

TEST_CASE("a result goes to stdout and a message to stderr") {
  Screen screen;
  Output output(screen.options);
  output.result({{"type", "token"}}, "abc");
  output.message("hello");
  CHECK(screen.out.text() == "abc\n");
  CHECK(screen.err.text() == "hello\n");
}

TEST_CASE("with --json stdout has one object per line and stderr stays empty") {
  Screen screen;
  screen.options.json = true;
  Output output(screen.options);
  output.result({{"type", "token"}, {"value", "x\ny"}}, "abc");
  output.message("hello");
  output.error(fail(ErrorCode::not_found, "no such model"));
  CHECK(screen.err.text().empty());
  CHECK(screen.out.text() ==
        "{\"type\":\"token\",\"value\":\"x\\ny\"}\n"
        "{\"code\":\"not_found\",\"exit_code\":10,\"message\":\"no such model\",\"type\":\"error\"}\n");
}

TEST_CASE("quiet hides messages and progress, not results and errors") {
  Screen screen;
  screen.options.quiet = true;
  Output output(screen.options);
  output.message("hello");
  output.progress(halfway());
  output.result({}, "abc");
  output.error(fail("broken"));
  CHECK(screen.out.text() == "abc\n");
  CHECK(screen.err.text() == "shoal: error: broken\n");
}

TEST_CASE("without a terminal progress is a line every five seconds") {
  Screen screen;
  Output output(screen.options);
  for (int second = 0; second < 12; ++second) {
    output.progress(halfway());
    screen.clock.advance(std::chrono::seconds(1));
  }
  CHECK(lines_in(screen.err.text()) == 3);
  CHECK(screen.err.text().find('\r') == std::string::npos);
}

TEST_CASE("with --json progress is an object every second, with the members that the command adds") {
  Screen screen;
  screen.options.json = true;
  Output output(screen.options);
  Moment moment = halfway();
  moment.extra = {{"peers", 4}};
  output.progress(moment);
  output.progress(moment);
  CHECK(screen.out.text() ==
        "{\"done\":500000000,\"peers\":4,\"rate\":100000000,\"seconds_left\":5,\"total\":1000000000,"
        "\"type\":\"progress\",\"what\":\"fetching a/b\"}\n");
}

TEST_CASE("the start of a phase and its end are shown at once") {
  Screen screen;
  Output output(screen.options);
  Moment moment = halfway();
  output.progress(moment);
  moment.done = moment.total;
  output.progress(moment);
  output.progress(moment);
  moment.what = "verifying";
  output.progress(moment);
  CHECK(lines_in(screen.err.text()) == 3);
}

TEST_CASE("a result printed while a bar is shown starts on a clean line") {
  Screen screen;
  screen.options.terminal = true;
  Output output(screen.options);
  output.progress(halfway());
  output.message("peer lost");
  std::string text = screen.err.text();
  CHECK(text.ends_with("\r\x1b[Jpeer lost\n"));
}

TEST_CASE("a bar never reaches the last column, however narrow the terminal is") {
  Moment moment = halfway();
  moment.what = "fetching organisation/a-very-long-model-name-that-nobody-should-choose@1.0.0";
  moment.detail = "4 peers, 12 MB from the source";
  for (unsigned width = 1; width < 200; ++width) CHECK(progress_bar(moment, width, false).size() <= width);
}

TEST_CASE("the bar tells share, amounts, rate and time left") {
  CHECK(progress_bar(halfway(), 120, false) == "fetching a/b  [============>           ]  50%  500 MB of 1.00 GB  100 MB/s  5s left");
}

TEST_CASE("a narrow terminal keeps percent, rate, time left and amount before bar and name") {
  Moment moment = halfway();
  moment.what = "fetching acme/a-rather-long-model-name-70b-instruct@2026.11.30-rc1";
  moment.detail = "4 peers";
  CHECK(
      progress_bar(moment, 130, false) ==
      "fetching acme/a-rather-long-model-name-70b-instruct@2026.11.30-rc1  [========>        ]  50%  500 MB of 1.00 GB  100 MB/s  5s left");
  CHECK(progress_bar(moment, 79, false) == "fetching acme/a-rather-long-model...  50%  500 MB of 1.00 GB  100 MB/s  5s left");
  CHECK(progress_bar(moment, 43, false) == "50%  500 MB of 1.00 GB  100 MB/s  5s left");
  CHECK(progress_bar(moment, 39, false) == "50%  500 MB  100 MB/s  5s left");
  CHECK(progress_bar(moment, 24, false) == "50%  100 MB/s  5s left");
  CHECK(progress_bar(moment, 14, false) == "50%  100 MB/s");
  CHECK(progress_bar(moment, 4, false) == "50%");
}

TEST_CASE("a short name leaves room for a bar at 80 columns, and for the detail at 120") {
  Moment moment = halfway();
  moment.detail = "4 peers";
  CHECK(progress_bar(moment, 79, false) == "fetching a/b  [==========>         ]  50%  500 MB of 1.00 GB  100 MB/s  5s left");
  CHECK(progress_bar(moment, 119, false) == "fetching a/b  [============>           ]  50%  500 MB of 1.00 GB  100 MB/s  5s left  4 peers");
}

TEST_CASE("where nothing moves the reason takes the place of rate, time left and detail") {
  Moment moment = halfway();
  moment.detail = "4 peers";
  moment.waiting = "waiting: no peers (the tracker names none)";
  CHECK(progress_line(moment) == "fetching a/b  50%  500 MB of 1.00 GB  waiting: no peers (the tracker names none)");
  CHECK(progress_bar(moment, 110, false) ==
        "fetching a/b  [============>           ]  50%  500 MB of 1.00 GB  waiting: no peers (the tracker names none)");
  CHECK(progress_bar(moment, 79, false) == "fetching...  50%  500 MB of 1.00 GB  waiting: no peers (the tracker names none)");
  CHECK(progress_bar(moment, 49, false) == "50%  waiting: no peers (the tracker names none)");
  CHECK(progress_bar(moment, 39, false) == "50%  waiting: no peers (the tracker ...");
}

TEST_CASE("a rate is measured after the first second where the command gives none, and in the first seconds of each phase") {
  Screen screen;
  screen.options.terminal = true;
  screen.options.width = 100;
  Output output(screen.options);
  Moment moment{.what = "verifying a/b", .done = 0, .total = 10'000'000, .rate = 7};
  for (int second = 0; second <= 2; ++second) {
    output.progress(moment);
    if (second == 0) CHECK(screen.err.text().find("/s") == std::string::npos);
    moment.done += 1'000'000;
    screen.clock.advance(std::chrono::seconds(1));
  }
  CHECK(screen.err.text().find("20%  2.00 MB of 10.0 MB  1.00 MB/s  8s left") != std::string::npos);
  CHECK(screen.err.text().find(" 7 B/s") == std::string::npos);
}

TEST_CASE("a rate that jumps with whole pieces is that of what moved") {
  Screen screen;
  Output output(screen.options);
  for (int second = 0; second <= 10; ++second) {
    output.progress({.what = "fetching", .done = 900, .total = 1000, .moved = static_cast<ByteCount>(second) * 10});
    screen.clock.advance(std::chrono::seconds(1));
  }
  CHECK(screen.err.text().find("10 B/s  10s left") != std::string::npos);
}

TEST_CASE("a line says for how long nothing has moved, and goes on when something does") {
  Screen screen;
  Output output(screen.options);
  for (int second = 0; second <= 10; ++second) {
    output.progress({.what = "hashing a/b", .done = 500, .total = 1000});
    screen.clock.advance(std::chrono::seconds(1));
  }
  CHECK(screen.err.text().ends_with("hashing a/b  50%  500 B of 1.00 kB  no data for 10s\n"));
  output.progress({.what = "hashing a/b", .done = 1000, .total = 1000});
  CHECK(screen.err.text().find("hashing a/b  100%  1.00 kB of 1.00 kB") != std::string::npos);
}

TEST_CASE("what hangs calls nobody, and its line goes on by itself") {
  Screen screen;
  screen.options.terminal = true;
  Output output({.terminal = true, .messages = screen.err.file(), .width = 80});
  output.progress({.what = "hashing a/b", .done = 500, .total = 1000});
  const auto drawn = [&] {
    const std::string text = screen.err.text();
    return std::count(text.begin(), text.end(), 'h');
  };
  const auto before = drawn();
  for (int tries = 0; tries < 100 && drawn() == before; ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(drawn() > before);
}

TEST_CASE("a bar leaves the cursor in the first column and clears what follows it") {
  Screen screen;
  screen.options.terminal = true;
  Output output(screen.options);
  output.progress(halfway());
  CHECK(screen.err.text().starts_with("\r\x1b[?7l\x1b[2Kfetching a/b"));
  CHECK(screen.err.text().ends_with("\x1b[J\r\x1b[?7h"));
}

TEST_CASE("a reason of any length leaves the line within its width") {
  Moment moment = halfway();
  moment.what = "fetching organisation/a-very-long-model-name-that-nobody-should-choose@1.0.0";
  moment.waiting = "stalled for 2m05s: no peers, and no answer from the tracker (" + std::string(200, 'x') + ")";
  for (unsigned width = 1; width < 300; ++width) CHECK(progress_bar(moment, width, false).size() <= width);
  CHECK(progress_bar(moment, 80, false).find("stalled for 2m05s: no peers, and no answer from the tracker") != std::string::npos);
}

TEST_CASE("colours appear only when asked for") {
  CHECK(progress_bar(halfway(), 120, false).find('\x1b') == std::string::npos);
  CHECK(progress_bar(halfway(), 120, true).find("\x1b[32m") != std::string::npos);
}

TEST_CASE("names from elsewhere cannot send commands to the terminal") {
  Moment moment{.what = "fetching \x1b[2J\n", .done = 1};
  CHECK(progress_line(moment).find('\x1b') == std::string::npos);
  CHECK(progress_bar(moment, 80, false).find('\n') == std::string::npos);
}

TEST_CASE("unknown totals and rates leave out what cannot be known") {
  Moment moment{.what = "hashing", .done = 1000};
  CHECK(progress_line(moment) == "hashing  1.00 kB");
  CHECK(seconds_left(moment) == -1);
}

TEST_CASE("a result that cannot be written is noticed") {
  std::FILE* full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  Screen screen;
  screen.options.results = full;
  Output output(screen.options);
  CHECK(output.results_written());
  output.result({}, "the only copy of a token");
  CHECK_FALSE(output.results_written());
  std::fclose(full);
}
