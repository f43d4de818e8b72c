#include "cli/help.hpp"

#include <sstream>

#include "doctest/doctest.h"
#include "unit/cli/sample.hpp"

using namespace shoal::cli;
using namespace shoal::cli::test;

namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the whole help of a command shows arguments, options, defaults, variables, examples and exit codes") {
  std::string help = command_help(sample()[1], 100, true);
  CHECK(holds(help, "Usage: shoal pull REF [EXTRA] --state DIR [options]"));
  CHECK(holds(help, "serve on [default: 10m; SHOAL_SEED_FOR; in the file: fetch.seed_for]"));
  CHECK(holds(help, "state [required; SHOAL_STATE; in the file: state]"));
  CHECK(holds(help, "org/name\n"));
  CHECK_FALSE(holds(help, "SHOAL_REF"));
  const std::string publish = command_help(sample()[2], 200, true);
  CHECK(holds(publish, "name of this version [required]\n"));
  CHECK(holds(publish, "channel [default: main]\n"));
  CHECK(holds(help, "--log-level LEVEL"));
  CHECK(holds(help, "  130  interrupted"));
  CHECK(holds(command_help(sample()[0], 100, false), "Example:\n  shoal token create --state /var/lib/shoal"));
}

TEST_CASE("help shows what a command needs; the whole help adds rare options, common options, variables and keys") {
  const std::string help = command_help(sample()[1], 100, false);
  CHECK(holds(help, "serve on [default: 10m]\n"));
  CHECK(holds(help, "'shoal pull --help-all' shows all options"));
  for (const char* rest : {"--rare", "--log-level", "SHOAL_SEED_FOR", "fetch.seed_for", "A flag wins"}) {
    CHECK_FALSE_MESSAGE(holds(help, rest), rest);
    CHECK_MESSAGE(holds(command_help(sample()[1], 100, true), rest), rest);
  }
}

TEST_CASE("help lists the exit codes that the command can return, and no others") {
  const std::string pull = command_help(sample()[1], 100, false), create = command_help(sample()[0], 100, true);
  for (const char* code : {"    0  ", "    1  ", "    2  ", "  130  "}) CHECK_MESSAGE((holds(pull, code) && holds(create, code)), code);
  CHECK(holds(pull, "   14  no space left"));
  CHECK_FALSE(holds(create, "   14  "));
  CHECK_FALSE(holds(pull, "   13  "));
}

TEST_CASE("an old form is in no usage and no list of arguments") {
  Command command = sample()[0];
  command.positionals = {{.name = "REF", .help = "the channel"}, {.name = "OLDWORD", .help = "once", .required = false, .hidden = true}};
  CHECK_FALSE(holds(command_help(command, 100, true), "OLDWORD"));
  CHECK_FALSE(holds(help_json({command}, "1").dump(), "OLDWORD"));
}

TEST_CASE("no line of the option lists is wider than asked") {
  std::istringstream lines(command_help(sample()[1], 70, false));
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
  std::string help = command_help(command, 60, false);
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
