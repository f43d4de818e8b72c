#include "cli/completion.hpp"

#include "doctest/doctest.h"
#include "unit/cli/sample.hpp"

using namespace shoal::cli;
using namespace shoal::cli::test;

namespace {

std::vector<Command> table() {
  auto commands = sample();
  commands[1].positionals = {{.name = "REF", .help = "what", .names = "model"}, {.name = "SRC", .help = "from", .required = false}};
  commands.push_back({.path = "token role",
                      .summary = "set the role",
                      .details = "",
                      .positionals = {{.name = "ROLE", .help = "role", .words = {"node", "seeder"}},
                                      {.name = "OLD", .help = "", .required = false, .hidden = true, .words = {"secret"}}},
                      .options = {{.name = "--hook", .value = "HOOK", .help = "hook", .repeatable = true, .words = {"exec:", "shell:"}}},
                      .run = {}});
  return commands;
}

std::vector<std::string> local(const std::string& kind, const std::string& state) { return {"acme/" + kind, "acme" + state}; }

std::string completed(const std::vector<std::string>& words) { return lines_of(complete(words, table(), local)); }

}  // namespace

TEST_CASE("commands are completed word by word, with what they do") {
  CHECK(completed({"pu"}) == "publish\tregister a checkpoint\npull\tfetch a checkpoint\n");
  CHECK(completed({"tok"}) == "token\tcreate, role\n");
  CHECK(completed({"token", ""}) == "create\tprint one join token\nrole\tset the role\n");
  CHECK(completed({"--json", "help", "token", "c"}) == "create\tprint one join token\n");
  CHECK(completed({"nonsense", ""}).empty());
}

TEST_CASE("options are completed where a dash begins the word, and those given are left out unless they repeat") {
  CHECK(completed({"pull", "--se"}) == "--seed-for\tserve on\n");
  CHECK(completed({"pull", "--seed-for", "1m", "--se"}).empty());
  CHECK(completed({"pull", "--exclude=a", "--excl"}) == "--exclude\tleave out\n");
  CHECK(completed({"pull", "a/b", "--log-l"}) == "--log-level\tdebug, info, warn, error or off\n");
  CHECK(completed({"pull", "--", "--se"}).empty());
}

TEST_CASE("the words of a value are completed, after a blank and after '='") {
  CHECK(completed({"pull", "--rare", ""}) == "yes\nno\n");
  CHECK(completed({"pull", "--rare=n"}) == "no\n");
  CHECK(completed({"pull", "--log-level", "w"}) == "warn\n");
  CHECK(completed({"token", "role", "--hook", "e"}) == "exec:\n");
  CHECK(completed({"token", "role", "s"}) == "seeder\n");
}

TEST_CASE("an old form and an argument too many are not offered") { CHECK(completed({"token", "role", "node", ""}).empty()); }

TEST_CASE("names come from the state that the words, the variable or the default name") {
  CHECK(completed({"pull", "--state", "/x", "acme/"}) == "acme/model\nacme/x\n");
  CHECK(completed({"pull", "--state=/y", ""}) == "acme/model\nacme/y\n");
  const Variable variable("SHOAL_STATE", "/z");
  CHECK(completed({"pull", "acme/z"}) == "acme/z\n");
}

TEST_CASE("files and directories are left to the shell") {
  CHECK(completed({"pull", "--state", ""}) == ":directories\n");
  CHECK(completed({"pull", "--key", ""}) == ":files\n");
  CHECK(completed({"pull", "a/b", ""}) == ":files\n");
}

TEST_CASE("a program without local names, and no word at all, complete nothing but commands") {
  CHECK(lines_of(complete({"pull", ""}, table(), {})).empty());
  CHECK(complete({}, table(), {}).candidates.size() == 3);
}
