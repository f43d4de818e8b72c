#include "cli/help.hpp"

#include <sstream>

#include "doctest/doctest.h"
#include "unit/cli/sample.hpp"

using namespace shoal::cli;
using namespace shoal::cli::test;

namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the help of a command shows arguments, options, defaults, variables, examples and exit codes") {
  std::string help = command_help(sample()[1], 100);
  CHECK(holds(help, "Usage: shoal pull REF [EXTRA] --state DIR [options]"));
  CHECK(holds(help, "serve on [default: 10m; SHOAL_SEED_FOR; in the file: fetch.seed_for]"));
  CHECK(holds(help, "state [required; SHOAL_STATE; in the file: state]"));
  CHECK(holds(help, "org/name\n"));
  CHECK_FALSE(holds(help, "SHOAL_REF"));
  const std::string publish = command_help(sample()[2], 200);
  CHECK(holds(publish, "name of this version [required]\n"));
  CHECK(holds(publish, "channel [default: main]\n"));
  CHECK(holds(help, "--log-level LEVEL"));
  CHECK(holds(help, "  130  interrupted"));
  CHECK(holds(command_help(sample()[0], 100), "Example:\n  shoal token create --state /var/lib/shoal"));
}

TEST_CASE("every exit code of the program is explained") {
  using shoal::ErrorCode;
  std::string help = command_help(sample()[1], 100);
  for (ErrorCode code : {ErrorCode::failed, ErrorCode::usage, ErrorCode::partial, ErrorCode::not_found, ErrorCode::verification,
                         ErrorCode::not_enrolled, ErrorCode::unreachable, ErrorCode::no_space, ErrorCode::interrupted}) {
    CHECK(holds(help, " " + std::to_string(shoal::exit_code(code)) + "  "));
  }
}

TEST_CASE("no line of the option lists is wider than asked") {
  std::istringstream lines(command_help(sample()[1], 70));
  for (std::string line; std::getline(lines, line) && line != "Exit codes:";) {
    if (line.starts_with(" ")) CHECK(line.size() <= 70);
  }
}

TEST_CASE("the overview lists every command under its role") {
  std::string text = overview(sample(), "1.2.3");
  CHECK(holds(text, "Tracker:\n  token create            print one join token\n"));
  CHECK(holds(text, "Node:\n  pull                    fetch a checkpoint\n"));
}

TEST_CASE("the help of a group lists its commands only") {
  std::string text = group_help("token", sample());
  CHECK(holds(text, "token create"));
  CHECK_FALSE(holds(text, "pull"));
}

TEST_CASE("a long paragraph is wrapped, an example is not") {
  Command command = sample()[0];
  command.details =
      "one two three four five six seven eight nine ten eleven twelve thirteen\n\n  shoal token create --state "
      "/var/lib/shoal/with/a/long/path --role node";
  std::string help = command_help(command, 60);
  CHECK(holds(help, "one two three four five six seven eight nine ten eleven\ntwelve thirteen\n\n"));
  CHECK(holds(help, "\n  shoal token create --state /var/lib/shoal/with/a/long/path --role node\n\nOptions:"));
}

TEST_CASE("the help as data has every command with its options, and the exit codes") {
  const auto json = help_json(sample(), "1.2.3");
  REQUIRE(json["commands"].size() == sample().size());
  const auto& pull = json["commands"][1];
  CHECK(pull["usage"] == "shoal pull REF [EXTRA] --state DIR [options]");
  bool found = false;
  for (const auto& option : pull["options"]) {
    if (option["name"] != "--seed-for") continue;
    found = true;
    CHECK(option["default"] == "10m");
    CHECK(option["variable"] == "SHOAL_SEED_FOR");
    CHECK(option["config_key"] == "fetch.seed_for");
  }
  CHECK(found);
  CHECK(json["exit_codes"].back()["code"] == 130);
}
