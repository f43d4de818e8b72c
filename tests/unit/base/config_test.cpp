#include "base/config.hpp"

#include "base/files.hpp"
#include "doctest/doctest.h"

using namespace shoal;

namespace {

const std::vector<std::string> known{"state", "mesh.listen", "mesh.links", "tracker.hosts", "node.seed"};

Result<ConfigValues> read(std::string_view text) {
  TempDirectory directory;
  fs::path path = directory.path() / "node.toml";
  REQUIRE(write_file_durably(path, text).ok());
  return read_config(path, known);
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
  ConfigValues values =
      read("state = '/var/lib/x'\n[mesh]\nlisten = '0.0.0.0:7000'\nlinks = 64\n[tracker]\nhosts = ['a:1', 'b:2']\n[node]\nseed = true\n")
          .value();
  CHECK(values == ConfigValues{{"state", {"/var/lib/x"}},
                               {"mesh.listen", {"0.0.0.0:7000"}},
                               {"mesh.links", {"64"}},
                               {"tracker.hosts", {"a:1", "b:2"}},
                               {"node.seed", {"true"}}});
  CHECK(read("").value().empty());
}

TEST_CASE("an element of an array may contain commas") {
  CHECK(read("[tracker]\nhosts = ['sat,sun', 'x']\n").value().at("tracker.hosts") == std::vector<std::string>{"sat,sun", "x"});
  CHECK(read("[tracker]\nhosts = []\n").value().at("tracker.hosts").empty());
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

TEST_CASE("a file that is missing is not found") {
  CHECK(read_config("/nonexistent/node.toml", known).error().code == ErrorCode::not_found);
}

TEST_CASE("a suggestion is made only when it is near") {
  CHECK(nearest("--stat", {"--state", "--seed"}) == "--state");
  CHECK(nearest("pul", {"publish", "pull"}) == "pull");
  CHECK(nearest("xyzzy", {"publish", "pull"}).empty());
  CHECK(nearest("x", {}).empty());
}
