#include "base/config.hpp"

#include "base/files.hpp"
#include "doctest/doctest.h"

using namespace shoal;

namespace {

const std::vector<ConfigField> rule_fields{{.name = "path", .required = true}, {.name = "on"}, {.name = "hook", .is_list = true}};
const std::vector<ConfigKey> known{{"state"}, {"mesh.listen"}, {"mesh.links"}, {"tracker.hosts"}, {"node.seed"}, {"rule", rule_fields}};

struct File {
  TempDirectory directory;
  fs::path path = directory.path() / "node.toml";
  explicit File(std::string_view text) { REQUIRE(write_file_durably(path, text).ok()); }
};

Result<ConfigValues> read(std::string_view text) { return read_config(File(text).path, known); }

/// The values alone, without their lines.
std::map<std::string, std::vector<std::string>> texts(std::string_view text) {
  std::map<std::string, std::vector<std::string>> found;
  const ConfigValues values = read(text).value();
  for (const auto& [key, value] : values) found[key] = value.texts;
  return found;
}

/// "3: message" for each mistake.
std::vector<std::string> mistakes(std::string_view text) {
  std::vector<std::string> found;
  const ConfigReading reading = examine_config(File(text).path, known).value();
  for (const ConfigMistake& mistake : reading.mistakes) found.push_back(std::to_string(mistake.line) + ": " + mistake.message);
  return found;
}

void refused(std::string_view text, const char* says) {
  Result<ConfigValues> values = read(text);
  INFO(std::string(text));
  REQUIRE_FALSE(values.ok());
  INFO(values.error().message);
  CHECK(values.error().code == ErrorCode::usage);
  CHECK(values.error().message.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("values come back as text under their dotted keys") {
  const auto values =
      texts("state = '/var/lib/x'\n[mesh]\nlisten = '0.0.0.0:7000'\nlinks = 64\n[tracker]\nhosts = ['a:1', 'b:2']\n[node]\nseed = true\n");
  CHECK(values == std::map<std::string, std::vector<std::string>>{{"state", {"/var/lib/x"}},
                                                                  {"mesh.listen", {"0.0.0.0:7000"}},
                                                                  {"mesh.links", {"64"}},
                                                                  {"tracker.hosts", {"a:1", "b:2"}},
                                                                  {"node.seed", {"true"}}});
  CHECK(read("").value().empty());
}

TEST_CASE("an element of an array may contain commas") {
  CHECK(texts("[tracker]\nhosts = ['sat,sun', 'x']\n").at("tracker.hosts") == std::vector<std::string>{"sat,sun", "x"});
  CHECK(texts("[tracker]\nhosts = []\n").at("tracker.hosts").empty());
}

TEST_CASE("an unknown key is refused with its line and the nearest known one") {
  refused("\n[mesh]\nlistn = 'x'\n", "node.toml:3: unknown key 'mesh.listn': did you mean 'mesh.listen'?");
  refused("[mash]\nlisten = 'x'\n", "unknown key 'mash': did you mean 'mesh'?");
  refused("[mash]\n", "unknown key 'mash'");
  refused("something_else_entirely = 1\n", "unknown key 'something_else_entirely'");
  refused("listen = 'x'\n", "unknown key 'listen'");
}

TEST_CASE("values of other types and bad TOML are refused with their line") {
  refused("state = 1.5\n", ":1: 'state' must be");
  refused("state = 2026-01-01\n", "'state' must be");
  refused("[tracker]\nhosts = ['a', 1]\n", "array of strings");
  refused("state = \n", "node.toml:1");
  refused("state = 'a'\nstate = 'b'\n", "node.toml:2");
}

TEST_CASE("a list of tables gives one text for each table, which reads back as the table") {
  const auto rules = texts("[[rule]]\npath = '/mnt/a, b'\non = true\n[[rule]]\npath = '/c'\nhook = ['x,y', 'z']\n").at("rule");
  REQUIRE(rules.size() == 2);
  CHECK(is_table(rules[0]));
  CHECK(table_of(rules[0], rule_fields).value() == ConfigTable{{"path", {"/mnt/a, b"}}, {"on", {"true"}}});
  CHECK(table_of(rules[1], rule_fields).value() == ConfigTable{{"path", {"/c"}}, {"hook", {"x,y", "z"}}});
  CHECK_FALSE(is_table("/mnt/{org}"));
}

TEST_CASE("a table with an unknown member, a missing one or another type is refused, from a file and from a text") {
  CHECK(mistakes("[[rule]]\npth = 'x'\n") ==
        std::vector<std::string>{"1: [[rule]] lacks 'path'", "2: [[rule]] has no key 'pth': did you mean 'path'?"});
  refused("[[rule]]\non = 'x'\n", ":1: [[rule]] lacks 'path'");
  refused("[[rule]]\npath = ['x']\n", "'path' must be a string");
  refused("[rule]\npath = 'x'\n", "'rule' is a list of tables: write [[rule]]");
  refused("[[state]]\nx = 1\n", "'state' is a value, not a list of tables");
  for (const char* bad : {"{\"on\":\"x\"}", "{\"path\":1}", "{\"path\":[\"x\"]}", "{\"path\":\"x\",\"no\":\"y\"}", "{\"path\"", "[]"}) {
    INFO(std::string(bad));
    CHECK(table_of(bad, rule_fields).error().code == ErrorCode::usage);
  }
}

TEST_CASE("every mistake is found, in the order of the lines, however many there are") {
  CHECK(mistakes("stat = 'x'\n[mesh]\nlisten =\nlinks = 1.5\n") ==
        std::vector<std::string>{"1: unknown key 'stat': did you mean 'state'?",
                                 "3: Error while parsing key-value pair: expected value, saw '\\n'",
                                 "4: 'mesh.links' must be a string, a whole number, true/false or an array of strings"});
  std::string many;
  for (int i = 0; i < 100; ++i) many += "k" + std::to_string(i) + " = \n";
  CHECK(mistakes(many).size() == 20);
}

TEST_CASE("an array that is not closed is one mistake, not one for each line below it") {
  CHECK(mistakes("state = [ 'x'\n[mesh]\nlisten = 'a'\nlinks = 1\n").size() == 1);
}

TEST_CASE("a file that is missing is not found") {
  CHECK(read_config("/nonexistent/node.toml", known).error().code == ErrorCode::not_found);
}

TEST_CASE("a suggestion is made only when it is near") {
  CHECK(nearest("--stat", {"--state", "--seed"}) == "--state");
  CHECK(nearest("pul", {"publish", "pull"}) == "pull");
  CHECK(nearest("pulbish", {"publish", "pull"}) == "publish");
  CHECK(nearest("list", {"limit", "models"}).empty());
  CHECK(nearest("login", {"join"}).empty());
  CHECK(nearest("xyzzy", {"publish", "pull"}).empty());
  CHECK(nearest("x", {}).empty());
}
