#include "tracker/database.hpp"

#include <sys/stat.h>

#include <thread>

#include "base/files.hpp"
#include "doctest/doctest.h"
#include "support/must.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;

namespace {

constexpr const char* insert = "INSERT INTO machines(id, role, name, site, enrolled, certificate_until) VALUES(?, 'node', ?, '', 0, 0)";
constexpr const char* count = "SELECT count(*) FROM machines";

Status add(Session& session, const std::string& id) {
  SHOAL_CHECK(session.run(insert, {id, "name"}));
  return {};
}
std::int64_t machines(Database& database) {
  return must(database.read([](Session& session) { return session.run(count); })).at(0).number(0);
}

}  // namespace

TEST_CASE("what was written is there after the file is opened again") {
  TempDirectory directory;
  {
    Database database = must(Database::open(directory.path() / "t.db"));
    must(database.write([](Session& session) { return add(session, "a"); }));
  }
  Database database = must(Database::open(directory.path() / "t.db"));
  CHECK(machines(database) == 1);
}

TEST_CASE("work that fails changes nothing") {
  TempDirectory directory;
  Database database = must(Database::open(directory.path() / "t.db"));
  Status status = database.write([](Session& session) -> Status {
    SHOAL_CHECK(add(session, "a"));
    return fail("no");
  });
  CHECK_FALSE(status.ok());
  CHECK(machines(database) == 0);
  SUBCASE("and the database goes on") {
    must(database.write([](Session& session) { return add(session, "b"); }));
    CHECK(machines(database) == 1);
  }
}

TEST_CASE("a broken constraint is a conflict and rolls back the rest") {
  TempDirectory directory;
  Database database = must(Database::open(directory.path() / "t.db"));
  Status status = database.write([](Session& session) -> Status {
    SHOAL_CHECK(add(session, "a"));
    return add(session, "a");
  });
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::conflict);
  CHECK(machines(database) == 0);
}

TEST_CASE("the database and its companions are readable by their owner only") {
  TempDirectory directory;
  Database database = must(Database::open(directory.path() / "t.db"));
  must(database.write([](Session& session) { return add(session, "a"); }));
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    struct stat status {};
    REQUIRE(::stat(entry.path().c_str(), &status) == 0);
    CAPTURE(entry.path().string());
    CHECK((status.st_mode & 0777) == 0600);
    ++seen;
  }
  CHECK(seen == 3);  // with -wal and -shm
}

TEST_CASE("a database of a later version is refused and left as it is") {
  TempDirectory directory;
  {
    Database database = must(Database::open(directory.path() / "t.db"));
    must(database.write([](Session& session) { return session.run("PRAGMA user_version=99"); }));
  }
  auto later = Database::open(directory.path() / "t.db");
  REQUIRE_FALSE(later.ok());
  CHECK(later.error().code == ErrorCode::usage);
  CHECK(later.error().message.find("later version") != std::string::npos);
}

TEST_CASE("a file that is no database is refused by its name") {
  TempDirectory directory;
  must(write_file_durably(directory.path() / "t.db", std::string(8192, 'x')));
  auto database = Database::open(directory.path() / "t.db");
  REQUIRE_FALSE(database.ok());
  CHECK(database.error().message.find("t.db") != std::string::npos);
}

TEST_CASE("two that write at once wait for each other") {
  TempDirectory directory;
  Database first = must(Database::open(directory.path() / "t.db"));
  Database second = must(Database::open(directory.path() / "t.db"));
  auto fill = [](Database& database, const std::string& prefix) {
    for (int i = 0; i < 25; ++i) must(database.write([&](Session& session) { return add(session, prefix + std::to_string(i)); }));
  };
  std::jthread other([&] { fill(second, "b"); });
  fill(first, "a");
  other.join();
  CHECK(machines(first) == 50);
}

TEST_CASE("blobs, empty text and large numbers come back as they went in") {
  TempDirectory directory;
  Database database = must(Database::open(directory.path() / "t.db"));
  std::string blob("a\0b", 3);
  auto rows = must(database.read([&](Session& session) {
    return session.run("SELECT ?, ?, ?, NULL", {Value::blob(blob), "", std::int64_t{-1}});
  }));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].text(0) == blob);
  CHECK(rows[0].text(1).empty());
  CHECK(rows[0].number(2) == -1);
  CHECK(rows[0].text(3).empty());
  CHECK(rows[0].number(3) == 0);
}

TEST_CASE("a database of the first version is brought up to date, with all that it held") {
  TempDirectory directory;
  fs::path file = directory.path() / "t.db";
  // What versions before histories and trust roots left: made by undoing the later steps of the schema.
  {
    Database database = must(Database::open(file));
    must(database.write([](Session& session) -> Status {
      for (const char* sql :
           {"DROP TABLE channel_history",
            "DROP TABLE trust_roots",
            "ALTER TABLE releases DROP COLUMN withdrawn",
            "ALTER TABLE releases DROP COLUMN withdrawn_reason",
            "DROP INDEX channels_standing",
            "DROP TABLE deleted_channels",
            "ALTER TABLE channels DROP COLUMN halted",
            "ALTER TABLE tokens DROP COLUMN trust_root",
            "ALTER TABLE machines DROP COLUMN revoked",
            "ALTER TABLE machines DROP COLUMN revoked_reason",
            "ALTER TABLE machines DROP COLUMN key",
            "ALTER TABLE machines DROP COLUMN next_key",
            "ALTER TABLE machines DROP COLUMN held_twice",
            "ALTER TABLE releases DROP COLUMN withdrawal",
            "ALTER TABLE channels DROP COLUMN made",
            "ALTER TABLE channels DROP COLUMN judged_from",
            "ALTER TABLE channels DROP COLUMN judged_since",
            "ALTER TABLE machines DROP COLUMN removed",
            "PRAGMA user_version=1",
            "INSERT INTO releases(id, model, version, info_hash, size, created, published, publisher, envelope, metainfo) "
            "VALUES(x'aa', 'm/n', '1', x'bb', 1, 2, 3, 'p', x'cc', x'dd')",
            "INSERT INTO channels(model, channel, epoch, sequence, release, envelope, updated) VALUES('m/n', 'c', 1, 7, x'aa', x'ee', 5)",
            "INSERT INTO tokens(id, secret_hash, role, uses_left, created, expires) VALUES(x'01', x'02', 'node', 1, 0, 9)"})
        SHOAL_CHECK(session.run(sql));
      return {};
    }));
  }
  Database database = must(Database::open(file));
  auto row = [&](const char* sql) { return must(database.read([&](Session& session) { return session.run(sql); })).at(0); };
  CHECK(row("PRAGMA user_version").number(0) == 9);
  CHECK(row("SELECT count(*) FROM channel_history WHERE model = 'm/n' AND channel = 'c' AND envelope = x'ee' AND at = 5 AND who = ''")
            .number(0) == 1);
  CHECK(row("SELECT withdrawn FROM releases").number(0) == 0);
  CHECK(row("SELECT halted FROM channels").number(0) == 0);
  CHECK(row("SELECT made FROM channels").number(0) == 1);
  CHECK(row("SELECT judged_from + judged_since FROM channels").number(0) == 0);
  CHECK(row("SELECT count(*) FROM tokens WHERE trust_root = x''").number(0) == 1);
  CHECK(row("SELECT count(*) FROM trust_roots").number(0) == 0);
}
