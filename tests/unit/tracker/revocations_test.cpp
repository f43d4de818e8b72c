#include "tracker/revocations.hpp"

#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::tracker;
using identity::Role;
using shoal::test::must;
using shoal::test::node_id;

namespace {

struct Desk : tracker::testing::Machines {
  Revocations revocations{database};

  Result<Revocation> revoke(const std::string& who) { return tracker::revoke(database, who, "stolen", now); }
};

}  // namespace

TEST_CASE("a machine is revoked by its id or by its name, and a running tracker sees it") {
  Desk desk;
  desk.add(1, "edge-1");
  desk.add(2, "edge-2");
  CHECK(must(desk.revocations.refresh()).empty());
  CHECK(must(desk.revoke("edge-1")).machine == node_id(1));
  CHECK(must(desk.revoke(node_id(2).str())).name == "edge-2");
  CHECK(must(desk.revocations.refresh()).size() == 2);
  CHECK(must(desk.revocations.refresh()).empty());
  REQUIRE(desk.revocations.find(node_id(1)));
  CHECK(desk.revocations.find(node_id(1))->reason == "stolen");
  CHECK_FALSE(desk.revocations.find(node_id(3)));
}

TEST_CASE("peers are told of a revoked machine until its certificate ends") {
  Desk desk;
  desk.add(1, "edge");
  must(desk.revoke("edge"));
  must(desk.revocations.refresh());
  CHECK(desk.revocations.certified(desk.now) == std::vector{node_id(1)});
  CHECK(desk.revocations.certified(desk.now + std::chrono::hours(24)).empty());
}

TEST_CASE("a name that several machines have revokes none of them") {
  Desk desk;
  desk.add(1, "edge");
  desk.add(2, "edge");
  auto refused = desk.revoke("edge");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::usage);
  CHECK(refused.error().message.find(node_id(2).str()) != std::string::npos);
  must(desk.revoke(node_id(1).str()));
  CHECK(must(desk.revoke("edge")).machine == node_id(2));
}

TEST_CASE("a machine that nobody knows cannot be revoked") {
  Desk desk;
  auto refused = desk.revoke("ghost");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::not_found);
}

TEST_CASE("a revocation stays what it was when it is said again") {
  Desk desk;
  desk.add(1, "edge");
  must(desk.revoke("edge"));
  WallTime first = desk.now;
  desk.now += std::chrono::hours(1);
  CHECK(must(desk.revoke("edge")).at == first);
}

TEST_CASE("a revoked machine's certificate is not prolonged") {
  Desk desk;
  desk.add(1, "edge");
  must(desk.revoke("edge"));
  CHECK_FALSE(must(desk.database.write(
      [&](Session& session) { return prolong_machine(session, node_id(1), Role::node, desk.now + std::chrono::hours(48)); })));
}
