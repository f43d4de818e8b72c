#include "cli/parse.hpp"

#include "doctest/doctest.h"
#include "unit/cli/sample.hpp"

using namespace shoal;
using namespace shoal::cli;
using namespace shoal::cli::test;

namespace {

std::string error_of(const std::vector<const char*>& words) {
  auto parsed = parse_words(sample(), words);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().code == ErrorCode::usage);
  return parsed.error().message;
}

}  // namespace

TEST_CASE("a command of two words is found") {
  auto commands = sample();
  auto parsed = parse_words(commands, {"token", "create", "--state", "/x"});
  REQUIRE(parsed.ok());
  REQUIRE(parsed->command != nullptr);
  CHECK(parsed->command->path == "token create");
  CHECK(parsed->given["--state"] == std::vector<std::string>{"/x"});
}

TEST_CASE("a group alone names no command") {
  auto parsed = parse_words(sample(), {"token"});
  REQUIRE(parsed.ok());
  CHECK(parsed->command == nullptr);
  CHECK(parsed->group == "token");
}

TEST_CASE("common options are accepted before and after every word") {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"--json", "token", "create"}, std::vector<const char*>{"token", "--json", "create"},
        std::vector<const char*>{"token", "create", "--json"}}) {
    auto parsed = parse_words(sample(), words);
    REQUIRE(parsed.ok());
    CHECK(parsed->given.count("--json") == 1);
  }
}

TEST_CASE("a positional may be spelled like a command, and follow or precede options") {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"pull", "token", "--dry"}, std::vector<const char*>{"pull", "--dry", "token"}}) {
    auto commands = sample();
    auto parsed = parse_words(commands, words);
    REQUIRE(parsed.ok());
    CHECK(parsed->command->path == "pull");
    CHECK(parsed->given["REF"] == std::vector<std::string>{"token"});
  }
}

TEST_CASE("a value in brackets or with commas stays as it is") {
  auto parsed = parse_words(sample(), {"pull", "[a,b]", "--state", "[x,y]", "--exclude", "a,b", "--exclude=c"});
  REQUIRE(parsed.ok());
  CHECK(parsed->given["REF"] == std::vector<std::string>{"[a,b]"});
  CHECK(parsed->given["--state"] == std::vector<std::string>{"[x,y]"});
  CHECK(parsed->given["--exclude"] == std::vector<std::string>{"a,b", "c"});
}

TEST_CASE("an unknown command or option suggests the nearest one") {
  CHECK(error_of({"pul"}) == "unknown command 'pul': did you mean 'shoal pull'?");
  CHECK(error_of({"token", "crate"}) == "unknown command 'token crate': did you mean 'shoal token create'?");
  CHECK(error_of({"pull", "a/b", "--sed-for", "10m"}) == "unknown option '--sed-for': did you mean '--seed-for'?");
  CHECK(error_of({"pull", "a/b", "--sed-for=10m"}) == "unknown option '--sed-for': did you mean '--seed-for'?");
  CHECK(error_of({"pull", "a/b", "--jsn"}) == "unknown option '--jsn': did you mean '--json'?");
}

TEST_CASE("an unknown option that resembles nothing points to the help of its command") {
  CHECK(error_of({"pull", "a/b", "--photosynthesis"}) == "unknown option '--photosynthesis': see 'shoal pull --help-all'");
}

TEST_CASE("a word too many is refused") {
  CHECK(error_of({"pull", "a/b", "c", "d"}) == "unexpected argument 'd': see 'shoal pull --help'");
}

TEST_CASE("an option without its value is refused, and does not eat the next option") {
  CHECK(error_of({"pull", "a/b", "--state"}) == "--state needs a value");
  CHECK(error_of({"pull", "a/b", "--state", "--json"}) == "--state needs a value, and got '--json'");
  CHECK(error_of({"pull", "--state=", "a/b"}) == "'--state=' has no value: leave the option out to get its default");
}

TEST_CASE("help before a command is the help of that command") {
  auto commands = sample();
  auto parsed = parse_words(commands, {"help", "token", "create"});
  REQUIRE(parsed.ok());
  CHECK(parsed->help);
  CHECK(parsed->command->path == "token create");
}

TEST_CASE("an empty command line names nothing") {
  auto parsed = parse(0, nullptr, {});
  REQUIRE(parsed.ok());
  CHECK(parsed->command == nullptr);
  CHECK(parsed->group.empty());
}
