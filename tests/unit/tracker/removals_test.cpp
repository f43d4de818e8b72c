#include "tracker/removals.hpp"

#include "doctest/doctest.h"
#include "machines.hpp"
#include "tracker/housekeeping.hpp"

using namespace shoal;
using namespace shoal::tracker;
using identity::Role;
using shoal::test::must;
using shoal::test::node_id;

namespace {

constexpr std::chrono::hours day{24};

struct Desk : tracker::testing::Machines {
  Revocations revocations{database};

  std::vector<NodeId> listed() {
    std::vector<NodeId> ids;
    for (const auto& row : must(database.read([](Session& session) { return all_machines(session); }))) ids.push_back(row.id);
    return ids;
  }
  Result<Removal> remove(const std::string& who) { return remove_machine(database, who, now); }
  std::int64_t count(const char* sql) {
    return must(database.read([&](Session& session) { return session.run(sql); })).at(0).number(0);
  }
  void token(char name, WallTime expires, std::uint32_t uses) {
    const TokenRecord record{std::string(10, name), Sha256{}, Role::node, uses, now, expires, Sha256{}};
    must(database.write([&](Session& session) { return insert_token(session, record); }));
  }
};

}  // namespace

TEST_CASE("a machine that may be alive is not removed, and the message says what to do") {
  Desk desk;
  desk.add(1, "gpu-1");
  auto refused = desk.remove("gpu-1");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::conflict);
  CHECK(refused.error().message.find("shoal nodes revoke " + node_id(1).str()) != std::string::npos);
  CHECK(desk.listed().size() == 1);
  desk.now += day;
  CHECK(must(desk.remove("gpu-1")).machine == node_id(1));
  CHECK(desk.listed().empty());
  CHECK(desk.remove("gpu-1").error().code == ErrorCode::not_found);
  CHECK_FALSE(
      must(desk.database.write([&](Session& session) { return prolong_machine(session, node_id(1), Role::node, desk.now + day); })));
}

TEST_CASE("a machine that was revoked and removed stays shut out") {
  Desk desk;
  desk.add(1, "gpu-1");
  must(revoke(desk.database, "gpu-1", "stolen", desk.now));
  must(desk.remove("gpu-1"));
  CHECK(desk.listed().empty());
  must(desk.revocations.refresh());
  CHECK(desk.revocations.find(node_id(1)));
  CHECK(desk.revocations.certified(desk.now) == std::vector{node_id(1)});
  must(sweep_database(desk.database, desk.now));
  CHECK(desk.count("SELECT count(*) FROM machines") == 1);
}

TEST_CASE("a ghost does not make the name of the machine that replaced it ambiguous") {
  Desk desk;
  desk.add(1, "gpu-1");
  desk.now += day;
  must(desk.remove("gpu-1"));
  desk.add(2, "gpu-1");
  CHECK(must(revoke(desk.database, "gpu-1", "", desk.now)).machine == node_id(2));
}

TEST_CASE("all machines that have been gone for long are removed together") {
  Desk desk;
  desk.add(1, "a");
  desk.now += day * 20;
  desk.add(2, "b");
  desk.now += day * 12;
  desk.add(3, "c");
  const auto removed = must(remove_gone(desk.database, day * 30, desk.now));
  REQUIRE(removed.size() == 1);
  CHECK(removed[0].name == "a");
  CHECK(desk.listed() == std::vector{node_id(2), node_id(3)});
}

TEST_CASE("tokens, enrolments and removed machines leave the database when nothing needs them any more") {
  Desk desk;
  desk.token('a', desk.now + day, 1);         // expires unused
  desk.token('b', desk.now + day * 3650, 0);  // used up
  desk.token('c', desk.now + day * 3650, 5);  // good
  desk.add(1, "gpu-1");
  must(desk.database.write([&](Session& session) {
    return insert_enrolment(session, std::string(10, 'b'), identity::SpkiPin{}, {node_id(1), desk.now});
  }));
  CHECK(must(sweep_database(desk.database, desk.now)) == Swept{});
  desk.now += day * 3;
  must(desk.remove("gpu-1"));
  CHECK(must(sweep_database(desk.database, desk.now)) == Swept{0, 1, 0, 0});
  desk.now += day * 3;
  CHECK(must(sweep_database(desk.database, desk.now)) == Swept{0, 0, 1, 0});
  desk.now += day * 30;
  CHECK(must(sweep_database(desk.database, desk.now)) == Swept{2, 0, 0, 0});
  CHECK(desk.count("SELECT count(*) FROM tokens") == 1);
  CHECK(must(sweep_database(desk.database, desk.now)) == Swept{});
}
