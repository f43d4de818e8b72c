#include "tracker/trust_roots.hpp"

#include "base/files.hpp"
#include "crypto/digest.hpp"
#include "doctest/doctest.h"
#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;

namespace {

const NodeId admin = test::node_id(9);

struct Vault {
  TempDirectory directory;
  ManualClock clock{WallTime(std::chrono::seconds(1'700'000'000))};
  crypto::PrivateKey old_key = crypto::PrivateKey::generate();
  crypto::PrivateKey new_key = crypto::PrivateKey::generate();
  Database database{must(Database::open(directory.path() / "tracker.db"))};
  manifest::TrustRoot root(std::uint64_t version, const crypto::PrivateKey& key) const {
    manifest::TrustRoot made;
    made.version = version;
    made.fleet = FleetName::trusted("test-fleet");
    made.expires = WallTime(std::chrono::seconds(1'800'000'000));
    made.keys = {key.public_key()};
    made.root_keys = {key.public_key().id()};
    return made;
  }
  std::string sign(const manifest::TrustRoot& made, const std::vector<crypto::PrivateKey>& keys) const {
    return manifest::sign(manifest::trust_root_type, manifest::encode(made), keys).encode();
  }
  std::string first = sign(root(1, old_key), {old_key});
  std::string second = sign(root(2, new_key), {old_key, new_key});
  std::unique_ptr<TrustRoots> roots{must(open())};
  Result<std::unique_ptr<TrustRoots>> open() { return TrustRoots::open(database, first, clock); }
};

Sha256 fingerprint(const std::string& envelope) {
  return crypto::sha256(must(manifest::SignedEnvelope::decode(envelope, manifest::trust_root_limit)).payload);
}
ErrorCode code_of(const Status& status) {
  REQUIRE_FALSE(status.ok());
  return status.error().code;
}

}  // namespace

TEST_CASE("the first root is the one of the state directory, and every later one is kept") {
  Vault vault;
  CHECK(vault.roots->verifier()->root().version == 1);
  auto before = vault.roots->verifier();
  must(vault.roots->add(2, vault.second, admin));
  CHECK(before->root().version == 1);
  CHECK(vault.roots->verifier()->root().version == 2);
  CHECK(must(vault.roots->find(1)) == vault.first);
  CHECK(must(vault.roots->find(2)) == vault.second);
  CHECK(vault.roots->find(3).error().code == ErrorCode::not_found);
  CHECK(vault.roots->find(0).error().code == ErrorCode::not_found);
}

TEST_CASE("roots last") {
  Vault vault;
  must(vault.roots->add(2, vault.second, admin));
  vault.roots = must(vault.open());
  CHECK(vault.roots->verifier()->root().version == 2);
  CHECK(must(vault.roots->find(1)) == vault.first);
  CHECK(must(newest_fingerprint(vault.database, Sha256{})) == fingerprint(vault.second));
}

TEST_CASE("a token leads to the newest root from the one that it pins, or from the first") {
  Vault vault;
  must(vault.roots->add(2, vault.second, admin));
  RootChain from_first = vault.roots->chain_from(fingerprint(vault.first));
  CHECK(from_first.first == vault.first);
  CHECK(from_first.later == std::vector{vault.second});
  CHECK(vault.roots->chain_from(fingerprint(vault.second)).first == vault.second);
  CHECK(vault.roots->chain_from(fingerprint(vault.second)).later.empty());
  CHECK(vault.roots->chain_from(Sha256{}).first == vault.first);
}

TEST_CASE("what is no successor is refused and changes nothing") {
  Vault vault;
  CHECK(code_of(vault.roots->add(3, vault.second, admin)) == ErrorCode::conflict);
  CHECK(code_of(vault.roots->add(1, vault.second, admin)) == ErrorCode::conflict);
  CHECK(code_of(vault.roots->add(2, "{}", admin)) == ErrorCode::verification);
  SUBCASE("signed by the new key alone") {
    CHECK(code_of(vault.roots->add(2, vault.sign(vault.root(2, vault.new_key), {vault.new_key}), admin)) == ErrorCode::verification);
  }
  SUBCASE("signed by the old key alone") {
    CHECK(code_of(vault.roots->add(2, vault.sign(vault.root(2, vault.new_key), {vault.old_key}), admin)) == ErrorCode::verification);
  }
  SUBCASE("of another version inside") {
    CHECK(code_of(vault.roots->add(2, vault.sign(vault.root(3, vault.new_key), {vault.old_key, vault.new_key}), admin)) ==
          ErrorCode::verification);
  }
  CHECK(vault.roots->verifier()->root().version == 1);
  CHECK_FALSE(vault.roots->find(2).ok());
  vault.roots = must(vault.open());
  CHECK(vault.roots->verifier()->root().version == 1);
}

TEST_CASE("the same root again is fine, another one of its version is a conflict") {
  Vault vault;
  must(vault.roots->add(2, vault.second, admin));
  CHECK(vault.roots->add(2, vault.sign(vault.root(2, vault.new_key), {vault.old_key, vault.new_key}), admin).ok());
  manifest::TrustRoot other = vault.root(2, vault.new_key);
  other.epoch = 2;
  CHECK(code_of(vault.roots->add(2, vault.sign(other, {vault.old_key, vault.new_key}), admin)) == ErrorCode::conflict);
}

TEST_CASE("a database with the roots of another fleet is refused") {
  Vault vault;
  manifest::TrustRoot other = vault.root(1, vault.new_key);
  auto opened = TrustRoots::open(vault.database, vault.sign(other, {vault.new_key}), vault.clock);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == ErrorCode::conflict);
}

TEST_CASE("a database without roots leaves the choice to the state directory") {
  TempDirectory directory;
  Database empty = must(Database::open(directory.path() / "t.db"));
  Sha256 own = crypto::sha256("own");
  CHECK(must(newest_fingerprint(empty, own)) == own);
}
