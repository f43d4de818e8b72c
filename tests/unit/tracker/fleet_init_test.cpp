#include "tracker/fleet_init.hpp"

#include <sys/stat.h>

#include "crypto/digest.hpp"
#include "doctest/doctest.h"
#include "support/must.hpp"
#include "tracker/database.hpp"
#include "tracker/state.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;

namespace {

const WallTime now = SystemClock().now();

FleetOrder order(const fs::path& base) { return {base / "state", base / "keys", {"tracker.example", 7443}, std::nullopt}; }

std::size_t entries(const fs::path& path) {
  std::error_code ignored;
  std::size_t count = 0;
  for (auto it = fs::recursive_directory_iterator(path, ignored); it != fs::recursive_directory_iterator(); ++it) ++count;
  return count;
}
unsigned mode(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("a new fleet has a tracker that its CA vouches for and a trust root that its root key signed") {
  TempDirectory base;
  NewFleet fleet = must(init_fleet(order(base.path()), now));
  CHECK(fleet.fleet.str().starts_with("shoal-"));
  CHECK(fleet.fleet.str().size() == 12);
  identity::Authority authority = must(load_authority(base.path() / "state"));
  identity::Member self = must(load_tracker(base.path() / "state"));
  CHECK(authority.pin() == fleet.ca_pin);
  CHECK(self.credentials.self.identity.role == identity::Role::tracker);
  CHECK(self.credentials.self.identity.fleet == fleet.fleet);
  CHECK(self.tracker == HostPort{"tracker.example", 7443});
  CHECK(self.credentials.ca_pem == authority.certificate_pem());
  auto envelope = must(manifest::SignedEnvelope::decode(self.trust_root, manifest::trust_root_limit));
  auto verifier = must(manifest::Verifier::pin(envelope, fleet.trust_root));
  CHECK(verifier.root().version == 1);
  CHECK(verifier.root().fleet == fleet.fleet);
  CHECK(verifier.root().expires == now + std::chrono::hours(24 * 730));
  auto publisher = must(crypto::PrivateKey::from_pem(must(read_file(fleet.publisher_key, 64 * KiB))));
  auto root = must(crypto::PrivateKey::from_pem(must(read_file(fleet.root_key, 64 * KiB))));
  REQUIRE(verifier.root().publishers.size() == 1);
  CHECK(verifier.root().publishers[0].models == std::vector<std::string>{"*"});
  CHECK(verifier.root().publishers[0].keys == std::vector{publisher.public_key().id()});
  CHECK(verifier.root().root_keys == std::vector{root.public_key().id()});
  auto freshness = must(load_or_make_freshness_key(base.path() / "state"));
  CHECK(verifier.root().tracker_keys == std::vector{freshness.public_key().id()});
  CHECK(mode(base.path() / "state" / "freshness.key") == 0600);
}

TEST_CASE("the keys that sign content are nowhere in the tracker's state, and secrets are for their owner") {
  TempDirectory base;
  NewFleet fleet = must(init_fleet(order(base.path()), now));
  for (const fs::path& key : {fleet.root_key, fleet.publisher_key}) {
    CHECK(mode(key) == 0600);
    std::string pem = must(read_file(key, 64 * KiB));
    std::string middle = pem.substr(pem.size() / 3, 40);
    for (const auto& entry : fs::recursive_directory_iterator(base.path() / "state"))
      if (entry.is_regular_file()) CHECK(must(read_file(entry.path(), 64 * MiB)).find(middle) == std::string::npos);
  }
  CHECK(mode(base.path() / "state" / "authority" / "key.pem") == 0600);
  CHECK(mode(base.path() / "state" / "tracker.db") == 0600);
  CHECK(mode(base.path() / "state") == 0700);
  CHECK(mode(base.path() / "keys") == 0700);
}

TEST_CASE("the fleet takes the name that it is given") {
  TempDirectory base;
  FleetOrder named = order(base.path());
  named.fleet = FleetName::trusted("prod.example");
  CHECK(must(init_fleet(named, now)).fleet.str() == "prod.example");
  CHECK(must(load_authority(base.path() / "state")).fleet().str() == "prod.example");
}

TEST_CASE("keys and state must be apart, however they are written") {
  TempDirectory base;
  fs::create_directory_symlink(base.path(), base.path() / "link");
  struct Pair {
    const char* state;
    const char* keys;
  };
  for (Pair pair :
       {Pair{"a", "a"}, Pair{"a", "a/keys"}, Pair{"a/state", "a"}, Pair{"a", "a/../a/keys"}, Pair{"a/", "a"}, Pair{"a", "link/a/k"}}) {
    FleetOrder together = order(base.path());
    together.state = base.path() / pair.state;
    together.keys = base.path() / pair.keys;
    auto fleet = init_fleet(together, now);
    CAPTURE(pair.keys);
    REQUIRE_FALSE(fleet.ok());
    CHECK(fleet.error().code == ErrorCode::usage);
  }
  CHECK(entries(base.path()) == 1);  // the link
  FleetOrder siblings = order(base.path());
  siblings.state = base.path() / "a";
  siblings.keys = base.path() / "a-keys";
  CHECK(init_fleet(siblings, now).ok());
}

TEST_CASE("a directory that holds a fleet already is left as it is") {
  TempDirectory base;
  must(init_fleet(order(base.path()), now));
  std::string key = must(read_file(base.path() / "keys" / "root.key", 64 * KiB));
  std::size_t before = entries(base.path());
  FleetOrder again = order(base.path());
  SUBCASE("both directories") {}
  SUBCASE("the state alone") { again.keys = base.path() / "new-keys"; }
  SUBCASE("the keys alone") { again.state = base.path() / "new-state"; }
  auto fleet = init_fleet(again, now);
  REQUIRE_FALSE(fleet.ok());
  CHECK(fleet.error().code == ErrorCode::conflict);
  CHECK(entries(base.path()) == before);
  CHECK(must(read_file(base.path() / "keys" / "root.key", 64 * KiB)) == key);
}

TEST_CASE("when the state cannot be written, no keys are left behind") {
  TempDirectory base;
  must(write_file_durably(base.path() / "file", "in the way"));
  FleetOrder blocked = order(base.path());
  blocked.state = base.path() / "file" / "state";
  blocked.keys = base.path() / "new" / "keys";
  CHECK_FALSE(init_fleet(blocked, now).ok());
  CHECK(entries(base.path()) == 1);
  SUBCASE("and what was there before stays") {
    fs::create_directories(base.path() / "new");
    CHECK_FALSE(init_fleet(blocked, now).ok());
    CHECK(entries(base.path()) == 2);
  }
}

TEST_CASE("a directory without a fleet is told apart from a broken one") {
  TempDirectory base;
  auto authority = load_authority(base.path());
  REQUIRE_FALSE(authority.ok());
  CHECK(authority.error().code == ErrorCode::not_found);
  CHECK(authority.error().message.find("fleet init") != std::string::npos);
}
