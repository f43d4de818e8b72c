#include "cli/suggest.hpp"

#include "doctest/doctest.h"

using namespace shoal::cli;

namespace {

std::vector<Command> table() {
  std::vector<Command> commands;
  for (const char* path :
       {"channel list", "channel set", "channel history", "join", "limit", "nodes list", "nodes revoke", "status", "token create"})
    commands.push_back({.path = path, .summary = "", .details = "", .positionals = {}, .options = {}, .run = {}});
  commands.push_back({.path = "pull",
                      .summary = "",
                      .details = "",
                      .positionals = {},
                      .options = {},
                      .run = {},
                      .topic = "",
                      .also = {"download", "fetch"}});
  commands.push_back({.path = "models",
                      .summary = "",
                      .details = "",
                      .positionals = {},
                      .options = {},
                      .run = {},
                      .topic = "",
                      .also = {"list", "node ls"}});
  return commands;
}

std::string meant(const std::vector<std::string>& typed) { return did_you_mean(typed, table()); }

}  // namespace

TEST_CASE("a misspelled command is named as it is typed in full") {
  CHECK(meant({"stauts"}) == "did you mean 'shoal status'?");
  CHECK(meant({"token", "crate"}) == "did you mean 'shoal token create'?");
  CHECK(meant({"schannel", "lst", "acme/llama"}) == "did you mean 'shoal channel list'?");
}

TEST_CASE("a misspelled or unfinished group names its commands") {
  CHECK(meant({"schannel"}) == "did you mean 'shoal channel' with history, list or set?");
  CHECK(meant({"channel", "xyzzy"}) == "did you mean 'shoal channel' with history, list or set?");
  CHECK(meant({"node"}) == "did you mean 'shoal nodes list' or 'shoal nodes revoke'?");
}

TEST_CASE("what people call a command elsewhere leads to it, even misspelled") {
  CHECK(meant({"download", "acme/llama"}) == "did you mean 'shoal pull'?");
  CHECK(meant({"dwnload"}) == "did you mean 'shoal pull'?");
  CHECK(meant({"node", "ls"}) == "did you mean 'shoal models'?");
}

TEST_CASE("a word of several commands names them all") {
  CHECK(meant({"list"}) == "did you mean 'shoal models', 'shoal channel list' or 'shoal nodes list'?");
  CHECK(meant({"node", "status"}) == "did you mean 'shoal status'?");
}

TEST_CASE("what resembles nothing gets no suggestion") {
  for (const char* word : {"login", "xyzzy", "quux", "x", "-"}) CHECK_MESSAGE(meant({word}) == "", word);
  CHECK(meant({}) == "");
}
