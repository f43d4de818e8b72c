#include "tracker/renames.hpp"

#include "doctest/doctest.h"
#include "machines.hpp"
#include "tracker/removals.hpp"
#include "tracker/revocations.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;
using shoal::test::node_id;

namespace {

struct Machines : tracker::testing::Machines {
  std::string name_of(unsigned number) {
    for (const auto& row : must(database.read([](Session& session) { return all_machines(session); })))
      if (row.id == node_id(number)) return row.name;
    return "gone";
  }
};

}  // namespace

TEST_CASE("a machine is renamed by its id or by its name") {
  Machines machines;
  machines.add(1, "");
  Rename first = must(rename_machine(machines.database, node_id(1).str(), "gpu-1"));
  CHECK(first.before.empty());
  CHECK(machines.name_of(1) == "gpu-1");
  CHECK(must(rename_machine(machines.database, "gpu-1", "gpu-one")).before == "gpu-1");
  CHECK(machines.name_of(1) == "gpu-one");
}

TEST_CASE("a name that another machine has is refused, unless that machine was revoked or removed") {
  Machines machines;
  machines.add(1, "gpu-1");
  machines.add(2, "gpu-2");
  auto refused = rename_machine(machines.database, "gpu-2", "gpu-1");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::conflict);
  CHECK(refused.error().message.find(node_id(1).str()) != std::string::npos);
  CHECK(rename_machine(machines.database, "gpu-2", node_id(1).str()).error().code == ErrorCode::conflict);
  must(rename_machine(machines.database, "gpu-2", "gpu-2"));
  must(revoke(machines.database, "gpu-1", "", machines.now));
  must(rename_machine(machines.database, "gpu-2", "gpu-1"));
  CHECK(machines.name_of(2) == "gpu-1");
}

TEST_CASE("a name that a machine may not have, and a machine that nobody knows, change nothing") {
  Machines machines;
  machines.add(1, "gpu-1");
  for (const char* bad : {"", "gpu 1", "a\nb"}) CHECK(rename_machine(machines.database, "gpu-1", bad).error().code == ErrorCode::usage);
  CHECK(rename_machine(machines.database, "gpu-7", "x").error().code == ErrorCode::not_found);
  CHECK(machines.name_of(1) == "gpu-1");
}
