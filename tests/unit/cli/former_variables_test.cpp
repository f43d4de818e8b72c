#include "cli/former_variables.hpp"

#include <doctest/doctest.h>

#include "unit/cli/sample.hpp"

using namespace shoal::cli;
using shoal::cli::test::Variable;

namespace {

Command listing() {
  return {"nodes list",
          "",
          "",
          {{"MODEL", "", false}, {"TOKEN", "", false, "SHOAL_TOKEN"}},
          {{.name = "--site", .value = "SITE", .help = "", .flag_only = true}, {.name = "--state", .value = "DIR", .help = ""}},
          {}};
}

}  // namespace

TEST_CASE("a variable that earlier versions read, and this one does not, is warned of") {
  CHECK(former_variable_warnings(listing(), {}).empty());
  const Variable model("SHOAL_MODEL", "a/b"), site("SHOAL_SITE", "x"), state("SHOAL_STATE", "/x"), token("SHOAL_TOKEN", "t");
  CHECK(former_variable_warnings(listing(), {}) ==
        std::vector<std::string>{"warning: SHOAL_MODEL is set, but no longer sets MODEL: give it on the command line",
                                 "warning: SHOAL_SITE is set, but no longer sets --site: give it on the command line"});
  CHECK(former_variable_warnings(listing(), {{"MODEL", {"c/d"}}}).size() == 1);
}

TEST_CASE("in a hook, the variables that its node set are not warned of") {
  const Variable model("SHOAL_MODEL", "a/b"), hook("SHOAL_HOOK_MODEL", "a/b");
  CHECK(former_variable_warnings(listing(), {}).empty());
  const Variable other("SHOAL_MODEL", "c/d");
  CHECK(former_variable_warnings(listing(), {}).size() == 1);
}
