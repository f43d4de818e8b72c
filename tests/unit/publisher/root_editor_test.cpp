#include "publisher/root_editor.hpp"

#include <doctest/doctest.h>

#include "support/test_fleet.hpp"

using namespace shoal;
using namespace shoal::publisher;
using crypto::KeyId;
using crypto::PrivateKey;

namespace {

KeyId id(const PrivateKey& key) { return key.public_key().id(); }

struct Council {
  PrivateKey root = PrivateKey::generate(), publisher = PrivateKey::generate(), tracker = PrivateKey::generate(),
             fresh = PrivateKey::generate();

  manifest::TrustRoot now() const {
    manifest::TrustRoot made;
    made.version = 3;
    made.fleet = FleetName::trusted("test-fleet");
    made.epoch = 2;
    made.keys = {root.public_key(), publisher.public_key(), tracker.public_key()};
    made.root_keys = {id(root)};
    made.publishers = {{{"*"}, {id(publisher)}, 1}};
    made.tracker_keys = {id(tracker)};
    return made;
  }
  manifest::TrustRoot edited(const RootEdit& wanted) const { return test::must(edit(now(), wanted)); }
  void refuses(const RootEdit& wanted, const char* words) const {
    auto result = edit(now(), wanted);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::usage);
    CHECK_MESSAGE(result.error().message.find(words) != std::string::npos, result.error().message);
  }
};

}  // namespace

TEST_CASE("with no changes the next root is a renewal") {
  Council council;
  RootEdit wanted;
  wanted.expires = WallTime(std::chrono::seconds(5));
  manifest::TrustRoot next = council.edited(wanted);
  CHECK(next.version == 4);
  CHECK(next.epoch == 2);
  CHECK(next.expires == wanted.expires);
  CHECK(next.publishers == council.now().publishers);
  CHECK(next.keys.size() == 3);
  CHECK(next.tracker_keys == council.now().tracker_keys);
}

TEST_CASE("a publisher is replaced in a new epoch, and its key leaves the root") {
  Council council;
  RootEdit wanted;
  wanted.add_publishers = {{council.fresh.public_key()}};
  wanted.remove_publishers = {id(council.publisher).hex().substr(0, 8)};
  wanted.new_epoch = true;
  manifest::TrustRoot next = council.edited(wanted);
  CHECK(next.epoch == 3);
  REQUIRE(next.publishers.size() == 1);
  CHECK(next.publishers[0].keys == std::vector{id(council.fresh)});
  for (const auto& key : next.keys) CHECK(key.id() != id(council.publisher));
}

TEST_CASE("a publisher of its own models gets a rule of its own, and joins it when it is there") {
  Council council;
  RootEdit wanted;
  wanted.add_publishers = {{council.fresh.public_key(), "acme/*"}, {council.publisher.public_key(), "acme/*"}};
  manifest::TrustRoot next = council.edited(wanted);
  REQUIRE(next.publishers.size() == 2);
  CHECK(next.publishers[1].models == std::vector<std::string>{"acme/*"});
  CHECK(next.publishers[1].keys.size() == 2);
  CHECK(next.keys.size() == 4);
}

TEST_CASE("root keys and their threshold change together") {
  Council council;
  RootEdit wanted;
  wanted.add_root_keys = {council.fresh.public_key()};
  wanted.root_threshold = 2;
  CHECK(council.edited(wanted).root_keys.size() == 2);
  CHECK(council.edited(wanted).root_threshold == 2);
  wanted.remove_root_keys = {id(council.root).hex()};
  council.refuses(wanted, "threshold");
}

TEST_CASE("a tracker key is added and removed") {
  Council council;
  RootEdit wanted;
  wanted.add_tracker_keys = {council.fresh.public_key()};
  wanted.remove_tracker_keys = {id(council.tracker).hex()};
  CHECK(council.edited(wanted).tracker_keys == std::vector{id(council.fresh)});
}

TEST_CASE("edits that cannot be made are refused with what is wrong") {
  Council council;
  RootEdit wanted;
  SUBCASE("a key that is not there") {
    wanted.remove_publishers = {id(council.fresh).hex()};
    council.refuses(wanted, "names no publisher key");
  }
  SUBCASE("too few digits") {
    wanted.remove_root_keys = {id(council.root).hex().substr(0, 7)};
    council.refuses(wanted, "eight digits");
  }
  SUBCASE("the only root key") {
    wanted.remove_root_keys = {id(council.root).hex()};
    council.refuses(wanted, "root keys");
  }
  SUBCASE("no pattern of models") {
    wanted.add_publishers = {{council.fresh.public_key(), "acme/**"}};
    council.refuses(wanted, "pattern");
  }
  SUBCASE("the tracker's key as a publisher") {
    wanted.add_publishers = {{council.tracker.public_key()}};
    council.refuses(wanted, "tracker's");
  }
}
