#include "cli/values.hpp"

#include "base/files.hpp"
#include "doctest/doctest.h"
#include "unit/cli/sample.hpp"

using namespace shoal;
using namespace shoal::cli;
using namespace shoal::cli::test;

namespace {

struct ConfigFile {
  TempDirectory directory;
  std::string path = (directory.path() / "shoal.toml").string();
  explicit ConfigFile(std::string_view text) { REQUIRE(write_file_durably(path, text).ok()); }
};

Result<Values> resolve_pull(const Values& given) {
  auto commands = sample();
  return resolve(commands[1], given, commands);
}

std::string first(const Values& values, const std::string& name) { return values.count(name) > 0 ? values.at(name).front() : ""; }

}  // namespace

TEST_CASE("the variable of an option is its name in capitals") {
  CHECK(environment_name("--seed-for") == "SHOAL_SEED_FOR");
  CHECK(variable_of({.name = "--seed-for", .value = "TIME", .help = ""}) == "SHOAL_SEED_FOR");
  CHECK(variable_of({.name = "--seed-for", .value = "TIME", .help = "", .flag_only = true}).empty());
  CHECK(variable_of({.name = "--version", .value = "", .help = ""}).empty());
}

TEST_CASE("a flag wins over its variable, that over the file, that over the default") {
  ConfigFile file("state = \"/from-file\"\n[fetch]\nseed_for = \"1h\"\n");
  Values given{{"REF", {"a/b"}}, {"--state", {"/from-flag"}}};
  auto by_default = resolve_pull(given);
  REQUIRE(by_default.ok());
  CHECK(first(*by_default, "--seed-for") == "10m");

  given["--config"] = {file.path};
  auto by_file = resolve_pull(given);
  REQUIRE(by_file.ok());
  CHECK(first(*by_file, "--seed-for") == "1h");
  CHECK(first(*by_file, "--state") == "/from-flag");

  Variable variable("SHOAL_SEED_FOR", "2h");
  auto by_variable = resolve_pull(given);
  REQUIRE(by_variable.ok());
  CHECK(first(*by_variable, "--seed-for") == "2h");

  given["--seed-for"] = {"3h"};
  auto by_flag = resolve_pull(given);
  REQUIRE(by_flag.ok());
  CHECK(first(*by_flag, "--seed-for") == "3h");
}

TEST_CASE("an empty variable counts as not set") {
  Variable variable("SHOAL_STATE", "");
  CHECK_FALSE(resolve_pull({{"REF", {"a/b"}}}).ok());
}

TEST_CASE("something required and not given is named, with its variable") {
  auto values = resolve_pull({{"REF", {"a/b"}}});
  REQUIRE_FALSE(values.ok());
  CHECK(values.error().code == ErrorCode::usage);
  CHECK(values.error().message == "--state is missing: give it, or set SHOAL_STATE; see 'shoal pull --help'");
}

TEST_CASE("no variable sets an argument, and one that used to is named in the error") {
  auto missing = resolve_pull({{"--state", {"/x"}}});
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().message == "REF is missing: give it on the command line; see 'shoal pull --help'");
  Variable variable("SHOAL_REF", "a/b"), optional("SHOAL_EXTRA", "c");
  auto values = resolve_pull({{"--state", {"/x"}}});
  REQUIRE_FALSE(values.ok());
  CHECK(values.error().code == ErrorCode::usage);
  CHECK(values.error().message ==
        "REF is missing: give it on the command line; SHOAL_REF is set, but no longer read; see 'shoal pull --help'");
  CHECK(resolve_pull({{"REF", {"d/e"}}, {"--state", {"/x"}}})->count("EXTRA") == 0);
}

TEST_CASE("an argument that names a variable can come from it, so that a token need not show in the list of processes") {
  auto commands = sample();
  Command join{
      .path = "join", .summary = "", .details = "", .positionals = {{"TOKEN", "a token", true, "SHOAL_TOKEN"}}, .options = {}, .run = {}};
  CHECK(resolve(join, {}, commands).error().message == "TOKEN is missing: give it, or set SHOAL_TOKEN; see 'shoal join --help'");
  Variable variable("SHOAL_TOKEN", "secret");
  CHECK(first(*resolve(join, {}, commands), "TOKEN") == "secret");
  CHECK(first(*resolve(join, {{"TOKEN", {"other"}}}, commands), "TOKEN") == "other");
}

TEST_CASE("no variable sets what is published: a name left in the environment must not become a version") {
  auto commands = sample();
  const Values given{{"MODEL:CHANNEL", {"a/b:main"}}};
  Variable version("SHOAL_VERSION", "3.0"), channel("SHOAL_CHANNEL", "stable");
  auto values = resolve(commands[2], given, commands);
  REQUIRE_FALSE(values.ok());
  CHECK(values.error().message ==
        "--version is missing: give it on the command line; SHOAL_VERSION is set, but no longer read; see 'shoal publish --help'");
  Values whole = given;
  whole["--version"] = {"2.0"};
  CHECK(first(*resolve(commands[2], whole, commands), "--version") == "2.0");
  CHECK(first(*resolve(commands[2], whole, commands), "--channel") == "main");
}

TEST_CASE("a repeatable option takes a list from its variable and from the file") {
  std::vector<std::string> both{"*.bin", "*.pt"};
  ConfigFile file("exclude = [\"*.bin\", \"*.pt\"]\n");
  auto from_file = resolve_pull({{"REF", {"a/b"}}, {"--state", {"/x"}}, {"--config", {file.path}}});
  REQUIRE(from_file.ok());
  CHECK(from_file->at("--exclude") == both);

  Variable variable("SHOAL_EXCLUDE", "*.bin,*.pt");
  auto from_variable = resolve_pull({{"REF", {"a/b"}}, {"--state", {"/x"}}});
  REQUIRE(from_variable.ok());
  CHECK(from_variable->at("--exclude") == both);
}

TEST_CASE("values from the file keep their commas") {
  ConfigFile file("exclude = [\"sat,sun\", \"mon\"]\nwhen = [\"sat,sun 00:00-24:00 up=5MB\"]\n");
  auto values = resolve_pull({{"REF", {"a/b"}}, {"--state", {"/x"}}, {"--config", {file.path}}});
  REQUIRE(values.ok());
  CHECK(values->at("--exclude") == std::vector<std::string>{"sat,sun", "mon"});
  CHECK(values->at("--when") == std::vector<std::string>{"sat,sun 00:00-24:00 up=5MB"});
}

TEST_CASE("a variable holds one value a line where values may contain commas") {
  const Values given{{"REF", {"a/b"}}, {"--state", {"/x"}}};
  Variable one("SHOAL_WHEN", "sat,sun 00:00-24:00 up=5MB");
  CHECK(resolve_pull(given)->at("--when") == std::vector<std::string>{"sat,sun 00:00-24:00 up=5MB"});
  Variable lines("SHOAL_EXCLUDE", "a,b\nc\n");
  CHECK(resolve_pull(given)->at("--exclude") == std::vector<std::string>{"a,b", "c"});
}

TEST_CASE("lists that an old file or variable separates by commas still work, with a warning") {
  const Values given{{"REF", {"a/b"}}, {"--state", {"/x"}}};
  auto commands = sample();
  const std::vector<std::string> both{"/a", "/b"};
  {
    Variable variable("SHOAL_KEY", "/a,/b");
    auto resolved = resolve_all(commands[1], given, commands);
    REQUIRE(resolved.ok());
    CHECK(resolved->values.at("--key") == both);
    CHECK(resolved->warnings.size() == 1);
    Variable lines("SHOAL_KEY", "/a,b/c\n/d");
    CHECK(resolve_all(commands[1], given, commands)->values.at("--key") == std::vector<std::string>{"/a,b/c", "/d"});
    CHECK(resolve_all(commands[1], given, commands)->warnings.empty());
  }
  ConfigFile file("key = \"/a,/b\"\nrule = [\"/x on=1\"]\n");
  Values with_file = given;
  with_file["--config"] = {file.path};
  auto resolved = resolve_all(commands[1], with_file, commands);
  REQUIRE(resolved.ok());
  CHECK(resolved->values.at("--key") == both);
  REQUIRE(resolved->warnings.size() == 2);
  CHECK(resolved->warnings[0] == file.path + ":1: 'key' is one string with commas: write an array");
  CHECK(resolved->warnings[1] == file.path + ":2: 'rule' is in an old form, which the next release does not read: write [[rule]] tables");
}

TEST_CASE("a table is the same value from the file, the variable and the flag") {
  ConfigFile file("[[rule]]\npath = \"/mnt/a, b\"\n");
  const Values given{{"REF", {"a/b"}}, {"--state", {"/x"}}};
  const std::vector<std::string> table{"{\"path\":\"/mnt/a, b\"}"};
  Values with = given;
  with["--config"] = {file.path};
  CHECK(resolve_pull(with)->at("--rule") == table);
  Variable variable("SHOAL_RULE", table.front().c_str());
  CHECK(resolve_pull(given)->at("--rule") == table);
}

TEST_CASE("each value has an origin, and a wrong one is named by its place") {
  ConfigFile file("state = \"/x\"\n\n[fetch]\nseed_for = \"soon\"\n");
  auto commands = sample();
  Values given{{"REF", {"a/b"}}, {"--config", {file.path}}};
  CHECK(
      resolve_all(commands[1], given, commands).error().message.starts_with(file.path + ":4: 'fetch.seed_for': 'soon' is not a duration"));
  given["--seed-for"] = {"1h"};
  auto resolved = resolve_all(commands[1], given, commands);
  REQUIRE(resolved.ok());
  CHECK(resolved->origins.at("--seed-for") == "flag");
  CHECK(resolved->origins.at("--state") == file.path + ":1");
  CHECK(resolved->origins.at("--log-level") == "default");
  Variable variable("SHOAL_LOG_LEVEL", "loud");
  CHECK(resolve_all(commands[1], given, commands).error().message == "SHOAL_LOG_LEVEL: 'loud' is none of debug, info, warn, error, off");
}

TEST_CASE("an array of several values is refused where an option takes one") {
  ConfigFile file("state = [\"/x\", \"/y\"]\n");
  auto values = resolve_pull({{"REF", {"a/b"}}, {"--config", {file.path}}});
  REQUIRE_FALSE(values.ok());
  CHECK(values.error().code == ErrorCode::usage);
  CHECK(values.error().message == "'state' in the configuration file takes one value, not an array of several");
}

TEST_CASE("a switch is true, absent or an error") {
  Values given{{"REF", {"a/b"}}, {"--state", {"/x"}}};
  ConfigFile file("dry = true\n");
  given["--config"] = {file.path};
  CHECK(resolve_pull(given)->at("--dry") == std::vector<std::string>{"true"});
  given["--dry"] = {"false"};
  CHECK(resolve_pull(given)->count("--dry") == 0);
  given["--dry"] = {"maybe"};
  auto values = resolve_pull(given);
  REQUIRE_FALSE(values.ok());
  CHECK(values.error().message == "--dry: 'maybe' is neither true nor false");
}

TEST_CASE("an unknown key of the file is refused with a suggestion and its line") {
  ConfigFile file("state = \"/x\"\n[fetch]\nsed_for = \"1h\"\n");
  auto values = resolve_pull({{"REF", {"a/b"}}, {"--config", {file.path}}});
  REQUIRE_FALSE(values.ok());
  CHECK(values.error().code == ErrorCode::usage);
  CHECK(values.error().message.find(":3: unknown key 'fetch.sed_for': did you mean 'fetch.seed_for'?") != std::string::npos);
}

TEST_CASE("a file may hold keys that only another command uses") {
  ConfigFile file("state = \"/x\"\nexclude = [\"a\"]\n");
  auto commands = sample();
  CHECK(resolve(commands[0], {{"--config", {file.path}}}, commands).ok());
}

TEST_CASE("a configuration file that does not exist is a wrong usage") {
  auto values = resolve_pull({{"REF", {"a/b"}}, {"--state", {"/x"}}, {"--config", {"/nonexistent/shoal.toml"}}});
  REQUIRE_FALSE(values.ok());
  CHECK(values.error().code == ErrorCode::usage);
}
