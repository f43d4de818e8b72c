#include "cli/config_commands.hpp"

#include "base/files.hpp"
#include "doctest/doctest.h"
#include "unit/cli/sample.hpp"

using namespace shoal;
using namespace shoal::cli;
using namespace shoal::cli::test;

namespace {

struct Desk {
  TempDirectory directory;
  std::string path = (directory.path() / "shoal.toml").string();
  std::vector<Command> commands = sample();

  explicit Desk(std::string_view text) {
    REQUIRE(write_file_durably(path, text).ok());
    for (Command& command : config_commands(sample(), {{"node", "pull"}})) commands.push_back(std::move(command));
  }
  Outcome check(const char* file = nullptr) const {
    return run_words(commands, {"config", "check", file == nullptr ? path.c_str() : file});
  }
  Outcome show(std::vector<const char*> words = {}) const {
    words.insert(words.begin(), {"config", "show", "--config", path.c_str()});
    return run_words(commands, words);
  }
};

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("config check names every mistake with its line, and its exit code is 2") {
  Desk desk("stat = \"/x\"\n[fetch]\nseed_for = \"soon\"\n[[rule]]\non = true\n");
  Outcome outcome = desk.check();
  CHECK(outcome.code == 2);
  CHECK(holds(outcome.out, desk.path + ":1: unknown key 'stat': did you mean 'state'?\n"));
  CHECK(holds(outcome.out, desk.path + ":3: 'fetch.seed_for': 'soon' is not a duration"));
  CHECK(holds(outcome.out, desk.path + ":4: [[rule]] lacks 'path'\n"));
  CHECK(outcome.err == "shoal: error: " + desk.path + " has 3 mistakes\n");
}

TEST_CASE("config check says that a file is right, and warns of old forms") {
  Desk desk("state = \"/x\"\ndry = true\nrule = [\"/x\"]\n");
  Outcome outcome = desk.check();
  CHECK(outcome.code == 0);
  CHECK(holds(outcome.out, ":3: warning: 'rule' is in an old form"));
  CHECK(holds(outcome.out, desk.path + ": no mistake in 3 keys\n"));
  CHECK(Desk("dry = \"maybe\"\n").check().code == 2);
}

TEST_CASE("config check of a file that does not exist names it") {
  Outcome outcome = Desk("").check("/nonexistent.toml");
  CHECK(outcome.code == 10);
  CHECK(holds(outcome.err, "/nonexistent.toml"));
}

TEST_CASE("config show says where each value comes from") {
  Desk desk("state = \"/from-file\"\nexclude = [\"a,b\", \"c\"]\n");
  Variable variable("SHOAL_LOG_LEVEL", "info");
  Outcome outcome = desk.show({"--seed-for", "1h"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out ==
        "shoal pull\n"
        "KEY             VALUE       FROM\n"
        "state           /from-file  " +
            desk.path +
            ":1\n"
            "fetch.seed_for  1h          flag\n"
            "exclude         [a,b, c]    " +
            desk.path +
            ":2\n"
            "when            -           default\n"
            "key             -           default\n"
            "rule            -           default\n"
            "dry             false       default\n"
            "log_level       info        SHOAL_LOG_LEVEL\n");
}

TEST_CASE("config show as JSON has a line for each key, and no secret") {
  Desk desk("state = \"/x\"\nexclude = [\"https://user:secret@host/x?token=secret\"]\n");
  Outcome outcome = desk.show({"--json"});
  CHECK(outcome.code == 0);
  CHECK(holds(outcome.out, "\"key\":\"state\",\"option\":\"--state\",\"service\":\"node\""));
  CHECK(holds(outcome.out, "https://***@host/x?***"));
  CHECK_FALSE(holds(outcome.out, "secret"));
}

TEST_CASE("config show refuses a service that does not exist") {
  Outcome outcome = Desk("state = \"/x\"\n").show({"nod"});
  CHECK(outcome.code == 2);
  CHECK(holds(outcome.err, "SERVICE: 'nod' is none of node"));
}
