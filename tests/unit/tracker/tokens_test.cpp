#include "tracker/tokens.hpp"

#include "base/encoding.hpp"
#include "base/files.hpp"
#include "doctest/doctest.h"
#include "support/test_fleet.hpp"
#include "tracker/admission.hpp"

using namespace shoal;
using namespace shoal::tracker;
using identity::Role;
using shoal::test::must;

namespace {

struct Tokens {
  TempDirectory directory;
  WallTime now{std::chrono::seconds(1'700'000'000)};
  Database database{must(Database::open(directory.path() / "tracker.db"))};

  std::string add(const std::string& id, std::int64_t uses, std::chrono::hours life) {
    const TokenRecord record{id, Sha256{}, Role::node, uses, now, now + life, Sha256{}};
    must(database.write([&](Session& session) { return insert_token(session, record); }));
    return to_hex(id);
  }
};

}  // namespace

TEST_CASE("tokens that are used up or expired are not open, and the one that expires first is listed first") {
  Tokens tokens;
  tokens.add("expired...", 1, std::chrono::hours(0));
  tokens.add("used-up...", 0, std::chrono::hours(5));
  tokens.add("late......", 3, std::chrono::hours(9));
  tokens.add("soon......", 1, std::chrono::hours(2));
  auto open = must(open_tokens(tokens.database, tokens.now));
  REQUIRE(open.size() == 2);
  CHECK(open[0].id == "soon......");
  CHECK(open[1].id == "late......");
  CHECK(open[1].uses_left == 3);
}

TEST_CASE("a token is taken back by its id, by the beginning of it, or by itself") {
  Tokens tokens;
  const std::string whole = tokens.add("aaaaaaaaaa", 1, std::chrono::hours(1));
  const std::string beginning = tokens.add("bbbbbbbbbb", 1, std::chrono::hours(1)).substr(0, 4);
  CHECK(must(revoke_token(tokens.database, whole)).id == "aaaaaaaaaa");
  CHECK(must(revoke_token(tokens.database, beginning)).id == "bbbbbbbbbb");
  const FleetPins pins{{"tracker.example", 7443}, {}, {}};
  const auto made = must(create_token(tokens.database, pins, {Role::node, 1, std::chrono::hours(1)}, tokens.now));
  CHECK(must(revoke_token(tokens.database, made.encode())).id == made.id);
  CHECK(must(open_tokens(tokens.database, tokens.now)).empty());
}

TEST_CASE("a beginning that fits several tokens, or none, or is too short, takes back nothing") {
  Tokens tokens;
  tokens.add("aaaaaaaaa1", 1, std::chrono::hours(1));
  tokens.add("aaaaaaaaa2", 1, std::chrono::hours(1));
  CHECK(revoke_token(tokens.database, "6161616161").error().code == ErrorCode::usage);
  CHECK(revoke_token(tokens.database, "ffff").error().code == ErrorCode::not_found);
  CHECK(revoke_token(tokens.database, "61").error().code == ErrorCode::not_found);
  CHECK(revoke_token(tokens.database, "").error().code == ErrorCode::not_found);
  CHECK(must(open_tokens(tokens.database, tokens.now)).size() == 2);
}
