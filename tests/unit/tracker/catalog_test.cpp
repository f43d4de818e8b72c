#include "tracker/catalog.hpp"

#include <functional>

#include "base/files.hpp"
#include "crypto/digest.hpp"
#include "doctest/doctest.h"
#include "support/test_fleet.hpp"
#include "tracker/admission_records.hpp"
#include "tracker/housekeeping.hpp"
#include "tracker/removals.hpp"

using namespace shoal;
using namespace shoal::tracker;
using shoal::test::must;

namespace {

const ModelName model = ModelName::trusted("acme/chat");
const VersionName version = VersionName::trusted("1.0");
const ChannelName stable = ChannelName::trusted("stable");
const NodeId publisher_machine = test::node_id(5);

struct Library {
  TempDirectory directory;
  ManualClock clock{WallTime(std::chrono::seconds(1'700'000'000))};
  crypto::PrivateKey root = crypto::PrivateKey::generate();
  crypto::PrivateKey publisher = crypto::PrivateKey::generate();
  crypto::PrivateKey stranger = crypto::PrivateKey::generate();
  crypto::PrivateKey other_org = crypto::PrivateKey::generate();
  Database database{must(Database::open(directory.path() / "tracker.db"))};
  std::unique_ptr<Catalog> catalog{open()};

  manifest::Verifier verifier() const {
    manifest::TrustRoot trust;
    trust.fleet = FleetName::trusted("test-fleet");
    trust.expires = clock.now() + std::chrono::hours(24 * 365);
    trust.keys = {root.public_key(), publisher.public_key(), other_org.public_key()};
    trust.root_keys = {root.public_key().id()};
    trust.publishers = {{{"acme/*"}, {publisher.public_key().id()}, 1}, {{"other/*"}, {other_org.public_key().id()}, 1}};
    return must(manifest::Verifier::restore(manifest::sign(manifest::trust_root_type, manifest::encode(trust), {root})));
  }
  std::unique_ptr<Catalog> open(ChannelQuotas quotas = {}) {
    return must(Catalog::open(
        database, [root = std::make_shared<const manifest::Verifier>(verifier())] { return root; }, clock, quotas));
  }

  manifest::Release release(const std::string& metainfo = "metainfo", const std::string& label = "") const {
    manifest::Release made;
    made.model = model;
    made.version = version;
    made.created = clock.now();
    made.files = {{"model.safetensors", 1000, crypto::sha256("content")}};
    made.format.kind = "other";
    if (!label.empty()) made.labels["note"] = label;
    made.swarm = {must(InfoHash::from_raw(crypto::sha1(metainfo).view())), 65536, crypto::sha256(metainfo), metainfo.size()};
    return made;
  }
  manifest::SignedEnvelope sign(const manifest::Release& made) const {
    return manifest::sign(manifest::release_type, manifest::encode(made), {publisher});
  }
  Status publish(const std::string& envelope, const std::string& metainfo = "metainfo", const VersionName& as = version,
                 const ModelName& of = model) {
    return catalog->publish(of, as, {envelope, metainfo}, publisher_machine);
  }
  ReleaseId publish_good() {
    auto envelope = sign(release());
    must(publish(envelope.encode()));
    return must(ReleaseId::from_raw(crypto::sha256(envelope.payload).view()));
  }
  manifest::SignedEnvelope pointer(const ReleaseId& id, std::uint64_t sequence, std::uint64_t epoch = 1) const {
    manifest::ChannelPointer made;
    made.model = model;
    made.channel = stable;
    made.epoch = epoch;
    made.sequence = sequence;
    made.release = id;
    made.issued = clock.now();
    made.expires = clock.now() + std::chrono::hours(24 * 30);
    return manifest::sign(manifest::channel_type, manifest::encode(made), {publisher});
  }
  Status withdraw(const ReleaseId& id, const VersionName& as, const std::string& reason) {
    manifest::Withdrawal withdrawal{model, as, id, reason, clock.now()};
    return catalog->withdraw(model, as, manifest::sign(manifest::withdrawal_type, manifest::encode(withdrawal), {publisher}).encode(),
                             publisher_machine);
  }
  Status add(const ReleaseId& id, const std::string& name, std::uint64_t sequence = 1) {
    auto made = must(manifest::decode_channel_pointer(pointer(id, sequence).payload));
    made.channel = ChannelName::trusted(name);
    return catalog->set_channel(model, made.channel, manifest::sign(manifest::channel_type, manifest::encode(made), {publisher}).encode(),
                                publisher_machine);
  }
  /// The pointer that is in force, for longer, with what `change` makes of it.
  Status renew(const std::function<void(manifest::ChannelPointer&)>& change = {}) {
    auto stored = must(manifest::SignedEnvelope::decode(must(catalog->channel(model, stable)), manifest::channel_limit));
    auto made = must(manifest::decode_channel_pointer(stored.payload));
    made.sequence += 1;
    made.issued = clock.now();
    made.expires = clock.now() + std::chrono::hours(24 * 90);
    if (change) change(made);
    return catalog->renew_channel(model, stable, manifest::sign(manifest::channel_type, manifest::encode(made), {publisher}).encode(),
                                  publisher_machine);
  }
  Status move(const manifest::SignedEnvelope& envelope) {
    return catalog->set_channel(model, stable, envelope.encode(), publisher_machine);
  }
};

template <class T>
ErrorCode code_of(const Result<T>& result) {
  REQUIRE_FALSE(result.ok());
  return result.error().code;
}

}  // namespace

TEST_CASE("a published release is found by version, by id and by torrent, with its metainfo") {
  Library library;
  std::string envelope = library.sign(library.release()).encode();
  CHECK_FALSE(library.catalog->knows(library.release().swarm.info_hash));
  ReleaseId id = library.publish_good();
  CHECK(must(library.catalog->release(model, version)).id == id);
  auto by_id = must(library.catalog->release(id));
  CHECK(must(library.verifier().release(must(manifest::SignedEnvelope::decode(by_id.envelope, 1 * MiB)), model)).id() == id);
  CHECK(*must(library.catalog->metainfo(id)) == "metainfo");
  CHECK(library.catalog->knows(library.release().swarm.info_hash));
  auto versions = must(library.catalog->versions(model));
  REQUIRE(versions.size() == 1);
  CHECK(versions[0].version == version);
  CHECK(versions[0].id == id);
  CHECK(versions[0].size == 1000);
  CHECK(versions[0].created == library.clock.now());
}

TEST_CASE("what is not there is not found") {
  Library library;
  auto missing = library.catalog->release(model, version);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ErrorCode::not_found);
  CHECK(missing.error().message.find("acme/chat@1.0") != std::string::npos);
  CHECK(library.catalog->release(ReleaseId{}).error().code == ErrorCode::not_found);
  CHECK(library.catalog->metainfo(ReleaseId{}).error().code == ErrorCode::not_found);
  CHECK(library.catalog->channel(model, stable).error().code == ErrorCode::not_found);
  CHECK(must(library.catalog->versions(model)).empty());
  CHECK(must(library.catalog->channels(model)).empty());
}

TEST_CASE("the same release again is fine; other content under its version is a conflict") {
  Library library;
  ReleaseId id = library.publish_good();
  CHECK(library.publish(library.sign(library.release()).encode()).ok());  // signed again, same payload
  CHECK(code_of(library.publish(library.sign(library.release("metainfo", "changed")).encode())) == ErrorCode::conflict);
  CHECK(code_of(library.publish(library.sign(library.release("other")).encode(), "other")) == ErrorCode::conflict);
  CHECK(must(library.catalog->release(model, version)).id == id);
  CHECK_FALSE(library.catalog->knows(library.release("other").swarm.info_hash));
}

TEST_CASE("a release that does not verify is refused, and nothing of it is kept") {
  Library library;
  auto good = library.sign(library.release());
  SUBCASE("signed by an unknown key") {
    auto forged = manifest::sign(manifest::release_type, good.payload, {library.stranger});
    CHECK(code_of(library.publish(forged.encode())) == ErrorCode::verification);
  }
  SUBCASE("signed by a key for other models") {
    auto forged = manifest::sign(manifest::release_type, good.payload, {library.other_org});
    CHECK(code_of(library.publish(forged.encode())) == ErrorCode::verification);
  }
  SUBCASE("signed by the root key") {
    auto forged = manifest::sign(manifest::release_type, good.payload, {library.root});
    CHECK(code_of(library.publish(forged.encode())) == ErrorCode::verification);
  }
  SUBCASE("without signatures") {
    good.signatures.clear();
    CHECK(code_of(library.publish(good.encode())) == ErrorCode::verification);
  }
  SUBCASE("a byte of the payload flipped") {
    good.payload[good.payload.size() / 2] = static_cast<char>(good.payload[good.payload.size() / 2] ^ 1);
    CHECK(code_of(library.publish(good.encode())) == ErrorCode::verification);
  }
  SUBCASE("a byte of the signature flipped") {
    good.signatures[0].signature[20] = static_cast<char>(good.signatures[0].signature[20] ^ 1);
    CHECK(code_of(library.publish(good.encode())) == ErrorCode::verification);
  }
  SUBCASE("signed as another type of document") {
    auto forged = manifest::sign(manifest::channel_type, good.payload, {library.publisher});
    CHECK(code_of(library.publish(forged.encode())) == ErrorCode::verification);
  }
  SUBCASE("another model in the path") {
    CHECK(code_of(library.publish(good.encode(), "metainfo", version, ModelName::trusted("acme/other"))) == ErrorCode::verification);
  }
  SUBCASE("another version in the path") {
    CHECK(code_of(library.publish(good.encode(), "metainfo", VersionName::trusted("2.0"))) == ErrorCode::verification);
  }
  SUBCASE("bytes after the envelope") { CHECK(code_of(library.publish(good.encode() + "x")) == ErrorCode::verification); }
  SUBCASE("no envelope") { CHECK(code_of(library.publish("{}")) == ErrorCode::verification); }
  SUBCASE("another metainfo of the same size") { CHECK(code_of(library.publish(good.encode(), "metainfO")) == ErrorCode::verification); }
  SUBCASE("a longer metainfo") { CHECK(code_of(library.publish(good.encode(), "metainfo.")) == ErrorCode::verification); }
  SUBCASE("no metainfo") { CHECK(code_of(library.publish(good.encode(), "")) == ErrorCode::verification); }
  CHECK(must(library.catalog->releases()).empty());
  CHECK_FALSE(library.catalog->knows(library.release().swarm.info_hash));
}

TEST_CASE("two releases with the same content share a torrent") {
  Library library;
  library.publish_good();
  auto second = library.release();
  second.version = VersionName::trusted("1.0-again");
  must(library.publish(library.sign(second).encode(), "metainfo", second.version));
  CHECK(must(library.catalog->versions(model)).size() == 2);
}

TEST_CASE("a channel moves forward only") {
  Library library;
  ReleaseId id = library.publish_good();
  must(library.move(library.pointer(id, 5)));
  CHECK(code_of(library.move(library.pointer(id, 4))) == ErrorCode::conflict);
  library.clock.advance(std::chrono::seconds(1));
  CHECK(code_of(library.move(library.pointer(id, 5))) == ErrorCode::conflict);  // issued later: another pointer
  auto sixth = library.pointer(id, 6);
  must(library.move(sixth));
  SUBCASE("the stored pointer again is fine") { CHECK(library.move(sixth).ok()); }
  auto stored = must(library.catalog->channel(model, stable));
  CHECK(stored == sixth.encode());
  auto rows = must(library.catalog->channels(model));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].channel == stable);
  CHECK(rows[0].version == "1.0");
  CHECK(rows[0].envelope == stored);
}

TEST_CASE("a channel points to a registered release of its own model") {
  Library library;
  CHECK(code_of(library.move(library.pointer(ReleaseId{}, 1))) == ErrorCode::not_found);
  ReleaseId id = library.publish_good();
  CHECK(library.move(library.pointer(id, 1)).ok());
}

TEST_CASE("a pointer that does not verify is refused") {
  Library library;
  ReleaseId id = library.publish_good();
  auto good = library.pointer(id, 1);
  SUBCASE("signed by another") {
    CHECK(code_of(library.move(manifest::sign(manifest::channel_type, good.payload, {library.stranger}))) == ErrorCode::verification);
  }
  SUBCASE("for another channel") {
    CHECK(code_of(library.catalog->set_channel(model, ChannelName::trusted("beta"), good.encode(), publisher_machine)) ==
          ErrorCode::verification);
  }
  SUBCASE("expired") {
    library.clock.advance(std::chrono::hours(24 * 31));
    CHECK(code_of(library.move(good)) == ErrorCode::verification);
  }
  SUBCASE("of an epoch that the trust root does not have") { CHECK_FALSE(library.move(library.pointer(id, 1, 7)).ok()); }
  CHECK(must(library.catalog->channels(model)).empty());
}

TEST_CASE("releases and channels last") {
  Library library;
  ReleaseId id = library.publish_good();
  must(library.move(library.pointer(id, 3)));
  library.catalog.reset();
  library.database = must(Database::open(library.directory.path() / "tracker.db"));
  library.catalog = library.open();
  CHECK(library.catalog->knows(library.release().swarm.info_hash));
  CHECK(must(library.catalog->release(model, version)).id == id);
  CHECK(code_of(library.move(library.pointer(id, 2))) == ErrorCode::conflict);
}

TEST_CASE("a channel keeps its history, newest first, with who moved it and when") {
  Library library;
  ReleaseId id = library.publish_good();
  CHECK(library.catalog->history(model, stable).error().code == ErrorCode::not_found);
  must(library.move(library.pointer(id, 1)));
  library.clock.advance(std::chrono::seconds(60));
  auto second = library.pointer(id, 2);
  must(library.move(second));
  must(library.move(second));  // repeated: no second row
  auto rows = must(library.catalog->history(model, stable));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].envelope == second.encode());
  CHECK(rows[0].version == "1.0");
  CHECK(rows[0].who == publisher_machine);
  CHECK(rows[0].at == library.clock.now());
  CHECK(rows[1].at == library.clock.now() - std::chrono::seconds(60));
  for (std::uint64_t sequence = 3; sequence < 220; ++sequence) must(library.move(library.pointer(id, sequence)));
  CHECK(must(library.catalog->history(model, stable)).size() == 200);
}

TEST_CASE("where the channels stand is told with the digest of each pointer, and a halt stays until the pointer changes") {
  Library library;
  ReleaseId id = library.publish_good();
  auto first = library.pointer(id, 1);
  must(library.move(first));
  auto standings = must(library.catalog->standings()).channels;
  REQUIRE(standings.size() == 1);
  CHECK(standings[0].state == manifest::ChannelState{model, stable, 1, 1, crypto::sha256(first.payload), false});
  CHECK(standings[0].release == id);
  must(library.catalog->halt(standings[0]));
  library.catalog = library.open();
  CHECK(must(library.catalog->standings()).channels[0].state.halted);
  must(library.move(library.pointer(id, 2)));
  CHECK_FALSE(must(library.catalog->standings()).channels[0].state.halted);
  must(library.catalog->halt(standings[0]));  // of the pointer before: too late
  CHECK_FALSE(must(library.catalog->standings()).channels[0].state.halted);
}

TEST_CASE("a withdrawn release is gone for everyone, with the reason, and does not come back") {
  Library library;
  ReleaseId id = library.publish_good();
  auto withdraw = [&](const std::string& reason) { return library.withdraw(id, version, reason); };
  CHECK(code_of(library.withdraw(id, VersionName::trusted("9"), "bad")) == ErrorCode::not_found);
  must(withdraw("it leaks the training data"));
  CHECK(withdraw("another reason").ok());
  SUBCASE("also after a restart") { library.catalog = library.open(); }
  auto gone = [](const auto& result) {
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::not_found);
    CHECK(result.error().message.find("was withdrawn: it leaks the training data") != std::string::npos);
  };
  gone(library.catalog->release(model, version));
  gone(library.catalog->release(id));
  gone(library.catalog->metainfo(id));
  gone(library.move(library.pointer(id, 1)));
  CHECK(must(library.catalog->versions(model)).empty());
  CHECK(must(library.catalog->releases()).empty());
  CHECK_FALSE(library.catalog->knows(library.release().swarm.info_hash));
  CHECK(library.catalog->withdrawn(library.release().swarm.info_hash).find("it leaks") != std::string::npos);
  CHECK(code_of(library.publish(library.sign(library.release()).encode())) == ErrorCode::conflict);
}

TEST_CASE("a release that a channel points to or falls back on is not withdrawn") {
  Library library;
  ReleaseId first = library.publish_good();
  auto next = library.release("metainfo 2");
  next.version = VersionName::trusted("2.0");
  auto envelope = library.sign(next);
  must(library.publish(envelope.encode(), "metainfo 2", next.version));
  must(library.move(library.pointer(first, 1)));
  auto withdraw = [&] { return library.withdraw(first, version, "bad"); };
  CHECK(code_of(withdraw()) == ErrorCode::conflict);
  auto pointer = must(manifest::decode_channel_pointer(library.pointer(manifest::release_id(envelope.payload), 2).payload));
  pointer.rollout = manifest::Rollout{10, "salt", first, 0};
  must(library.move(manifest::sign(manifest::channel_type, manifest::encode(pointer), {library.publisher})));
  CHECK(code_of(withdraw()) == ErrorCode::conflict);
  must(library.move(library.pointer(manifest::release_id(envelope.payload), 3)));
  CHECK(withdraw().ok());
  CHECK(must(library.catalog->history(model, stable)).size() == 3);
}

TEST_CASE("only the model's publishers withdraw, and only the release that they name") {
  Library library;
  ReleaseId id = library.publish_good();
  auto refused = [&](const std::string& envelope) {
    auto result = library.catalog->withdraw(model, version, envelope, publisher_machine);
    CHECK(code_of(result) == ErrorCode::verification);
    CHECK(library.catalog->release(id).ok());
  };
  manifest::Withdrawal right{model, version, id, "bad", library.clock.now()};
  auto stranger = crypto::PrivateKey::generate();
  refused(R"({"reason":"evil"})");
  refused(manifest::sign(manifest::withdrawal_type, manifest::encode(right), {stranger}).encode());
  refused(manifest::sign(manifest::channel_type, manifest::encode(right), {library.publisher}).encode());
  auto other = right;
  other.version = VersionName::trusted("2.0");
  refused(manifest::sign(manifest::withdrawal_type, manifest::encode(other), {library.publisher}).encode());
  other = right;
  other.release = must(ReleaseId::from_raw(std::string(32, 'x')));
  refused(manifest::sign(manifest::withdrawal_type, manifest::encode(other), {library.publisher}).encode());
  must(library.withdraw(id, version, "bad"));
}

TEST_CASE("what was withdrawn without a signature, the publishers bring back by publishing it again") {
  Library library;
  ReleaseId id = library.publish_good();
  must(library.database.write([&](Session& session) { return mark_withdrawn(session, id, "any seeder's word", "", library.clock.now()); }));
  library.catalog = library.open();
  CHECK(code_of(library.catalog->release(id)) == ErrorCode::not_found);
  SUBCASE("the same release") {
    must(library.publish(library.sign(library.release()).encode()));
    CHECK(must(library.catalog->release(model, version)).id == id);
  }
  SUBCASE("another one under the version") {
    must(library.publish(library.sign(library.release("metainfo", "again")).encode()));
    CHECK(must(library.catalog->release(model, version)).id != id);
    CHECK(code_of(library.catalog->release(id)) == ErrorCode::not_found);
  }
  CHECK(library.catalog->knows(library.release().swarm.info_hash));
}

TEST_CASE("a torrent that two releases share lives until both are withdrawn") {
  Library library;
  ReleaseId first = library.publish_good();
  auto second = library.release();
  second.version = VersionName::trusted("1.0-again");
  must(library.publish(library.sign(second).encode(), "metainfo", second.version));
  must(library.withdraw(first, version, "bad"));
  CHECK(library.catalog->knows(second.swarm.info_hash));
  must(library.withdraw(manifest::release_id(manifest::encode(second)), second.version, "bad, too"));
  CHECK_FALSE(library.catalog->knows(second.swarm.info_hash));
}

TEST_CASE("a model and a publisher have so many channels and no more; those that exist still move") {
  Library library;
  ReleaseId id = library.publish_good();
  std::string word;
  SUBCASE("of a model") { library.catalog = library.open({.per_model = 2}), word = "--channels-per-model"; }
  SUBCASE("of a publisher") { library.catalog = library.open({.per_publisher = 2}), word = "--channels-per-publisher"; }
  must(library.add(id, "one"));
  must(library.add(id, "two"));
  Status refused = library.add(id, "three");
  REQUIRE(code_of(refused) == ErrorCode::conflict);
  CHECK(refused.error().message.find(word) != std::string::npos);
  must(library.add(id, "two", 2));
  CHECK(must(library.catalog->standings()).channels.size() == 2);
}

TEST_CASE("the statement for all has room for the oldest channels, and each of the others is in one of its shard") {
  Library library;
  ReleaseId id = library.publish_good();
  for (const char* name : {"zz", "main", "aa"}) must(library.add(id, name));
  must(library.add(id, "zz", 2));
  CHECK(must(library.catalog->standings()).shards == 1);
  library.catalog = library.open({.listed = 450});
  auto standings = must(library.catalog->standings());
  REQUIRE(standings.channels.size() == 3);
  CHECK(standings.channels[0].state.channel.str() == "aa");
  CHECK_FALSE(standings.channels[0].in_whole);
  CHECK(standings.channels[1].in_whole);
  CHECK(standings.channels[2].in_whole);
  CHECK(standings.channels[2].state.sequence == 2);
  CHECK(standings.shards > 1);
  CHECK(standings.left_out == 0);
  for (const ChannelStanding& each : standings.channels) CHECK(each.in_shard);
  must(library.add(id, "later"));  // has no room in the statement for all
  CHECK(must(library.catalog->standings()).channels.size() == 4);
}

TEST_CASE("a channel that no statement has room for is refused with the reason") {
  Library library;
  ReleaseId id = library.publish_good();
  library.catalog = library.open({.listed = 100});
  Status refused = library.add(id, "main");
  REQUIRE(code_of(refused) == ErrorCode::conflict);
  CHECK(refused.error().message.find("the freshness statement that would list acme/chat:main is full") != std::string::npos);
  // A channel that exists moves, and is told apart as one that is left out.
  library.catalog = library.open();
  must(library.add(id, "main"));
  library.catalog = library.open({.listed = 100});
  must(library.add(id, "main", 2));
  CHECK(must(library.catalog->standings()).left_out == 1);
}

TEST_CASE("where a channel stands is as the disk has it, however often it was told before") {
  Library library;
  ReleaseId id = library.publish_good();
  for (const char* name : {"one", "two"}) must(library.add(id, name));
  const auto before = must(library.catalog->standings());
  CHECK(must(library.catalog->standings()).channels == before.channels);
  must(library.catalog->halt(before.channels[0]));
  must(library.add(id, "two", 5));
  must(library.add(id, "three"));
  const auto after = must(library.catalog->standings());
  library.catalog = library.open();  // with no memory of anything
  CHECK(must(library.catalog->standings()).channels == after.channels);
  REQUIRE(after.channels.size() == 3);
  CHECK(after.channels[0].state.halted);
  CHECK(after.channels[2].state.sequence == 5);
}

TEST_CASE("what a channel takes in a statement is never more than is counted for it") {
  manifest::ChannelState largest{model, stable, manifest::number_limit, manifest::number_limit, crypto::sha256("x"), true};
  manifest::Freshness none{FleetName::trusted("f"), 1, 1, WallTime(std::chrono::seconds(1)), WallTime(std::chrono::seconds(2)), {}},
      one = none;
  one.channels = {largest};
  CHECK(manifest::encode(one).size() - manifest::encode(none).size() + 1 <= 176 + model.str().size() + stable.str().size());
}

TEST_CASE("a renewed pointer lasts longer, and its rollout stays as it stood: halted, and judged from where it began") {
  Library library;
  ReleaseId id = library.publish_good();
  must(library.move(library.pointer(id, 3)));
  const ChannelStanding before = must(library.catalog->standings()).channels.at(0);
  must(library.catalog->halt(before));
  library.clock.advance(std::chrono::hours(24 * 20));
  must(library.renew());
  const ChannelStanding after = must(library.catalog->standings()).channels.at(0);
  CHECK(after.state.sequence == 4);
  CHECK(after.state.halted);
  CHECK(after.expires == library.clock.now() + std::chrono::hours(24 * 90));
  CHECK(after.judged_from == 3);
  CHECK(after.judged_since == before.judged_since);
  CHECK(must(library.catalog->history(model, stable)).size() == 2);
  must(library.move(library.pointer(id, 5)));  // somebody sets it: that is a rollout that begins
  const ChannelStanding moved = must(library.catalog->standings()).channels.at(0);
  CHECK_FALSE(moved.state.halted);
  CHECK(moved.judged_from == 5);
  CHECK(moved.judged_since == library.clock.now());
}

TEST_CASE("a renewal takes back nothing that somebody did meanwhile, and changes nothing but the time") {
  Library library;
  ReleaseId id = library.publish_good();
  CHECK_FALSE(library.catalog->renew_channel(model, stable, library.pointer(id, 1).encode(), publisher_machine).ok());  // no such channel
  must(library.move(library.pointer(id, 3)));
  using Pointer = manifest::ChannelPointer;
  CHECK(code_of(library.renew([](Pointer& next) { next.sequence = 5; })) == ErrorCode::conflict);
  CHECK(code_of(library.renew([](Pointer& next) { next.sequence = 3; })) == ErrorCode::conflict);
  CHECK(code_of(library.renew([](Pointer& next) { next.release = ReleaseId{}; })) == ErrorCode::conflict);
  CHECK(code_of(library.renew([](Pointer& next) { next.rollout = manifest::Rollout{50, "s", {}, 0}; })) == ErrorCode::conflict);
  CHECK(code_of(library.renew([](Pointer& next) { next.reason = "another"; })) == ErrorCode::conflict);
  CHECK(code_of(library.renew([](Pointer& next) { next.expires = next.issued + std::chrono::hours(1); })) == ErrorCode::conflict);
  CHECK(must(library.catalog->standings()).channels.at(0).state.sequence == 3);
  std::string same;
  must(library.renew(
      [&](Pointer& next) { same = manifest::sign(manifest::channel_type, manifest::encode(next), {library.publisher}).encode(); }));
  must(library.catalog->renew_channel(model, stable, same, publisher_machine));  // the answer got lost
  CHECK(must(library.catalog->standings()).channels.at(0).state.sequence == 4);
}

TEST_CASE("a channel keeps the newest of its history, and what each machine was called") {
  Library library;
  ReleaseId id = library.publish_good();
  must(library.database.write([&](Session& session) {
    return insert_machine(session, {publisher_machine, identity::Role::seeder, "nas", "", library.clock.now()}, {}, library.clock.now());
  }));
  must(library.add(id, "other"));
  for (std::int64_t sequence = 1; sequence <= most_history + 20; ++sequence)
    must(library.move(library.pointer(id, static_cast<std::uint64_t>(sequence))));
  auto rows = must(library.database.read([](Session& session) { return session.run("SELECT count(*) FROM channel_history"); }));
  CHECK(rows.at(0).number(0) == most_history + 1);
  CHECK(must(library.catalog->history(model, stable)).front().name == "nas");
  must(remove_machine(library.database, "nas", library.clock.now()));
  library.clock.advance(std::chrono::hours(24 * 10));
  must(sweep_database(library.database, library.clock.now()));
  CHECK(must(library.catalog->history(model, stable)).front().name == "nas");
}

TEST_CASE("the metainfo of a withdrawn release is not kept for ever") {
  Library library;
  ReleaseId id = library.publish_good();
  must(library.withdraw(id, version, "wrong weights"));
  CHECK(must(sweep_database(library.database, library.clock.now())).metainfos == 0);
  library.clock.advance(std::chrono::hours(24 * 3));
  CHECK(must(sweep_database(library.database, library.clock.now())).metainfos == 1);
  auto gone = library.catalog->metainfo(id);
  REQUIRE_FALSE(gone.ok());
  CHECK(gone.error().message.find("wrong weights") != std::string::npos);
}

namespace {

/// A channel that is deleted, and the time at which it was.
struct Deleting : Library {
  ReleaseId id = publish_good();
  Status remove(std::uint64_t sequence, const char* name = "stable", const crypto::PrivateKey* by = nullptr, std::uint64_t epoch = 1) {
    manifest::Deletion deletion{model, ChannelName::trusted(name), epoch, sequence, "over", clock.now()};
    const auto signed_by = by != nullptr ? *by : publisher;
    return catalog->delete_channel(model, stable, manifest::sign(manifest::deletion_type, manifest::encode(deletion), {signed_by}).encode(),
                                   publisher_machine);
  }
  std::size_t listed() { return must(catalog->standings()).channels.size(); }
};

}  // namespace

TEST_CASE("a deleted channel is gone, and no pointer from before brings it back") {
  Deleting library;
  must(library.move(library.pointer(library.id, 4)));
  must(library.remove(5));
  CHECK(library.listed() == 0);
  CHECK(must(library.catalog->channels(model)).empty());
  auto gone = library.catalog->channel(model, stable);
  REQUIRE(code_of(gone) == ErrorCode::not_found);
  CHECK(gone.error().message.find("was deleted") != std::string::npos);
  for (std::uint64_t sequence : {4u, 5u}) {
    Status refused = library.move(library.pointer(library.id, sequence));
    REQUIRE(code_of(refused) == ErrorCode::conflict);
    CHECK(refused.error().message.find("was deleted with sequence 5") != std::string::npos);
  }
  must(library.remove(5));  // a repeated request
  CHECK(code_of(library.remove(6)) == ErrorCode::not_found);
  library.catalog = library.open();
  CHECK(code_of(library.move(library.pointer(library.id, 5))) == ErrorCode::conflict);
  must(library.move(library.pointer(library.id, 6)));
  CHECK(library.listed() == 1);
  CHECK(code_of(library.catalog->deletion(model, stable)) == ErrorCode::not_found);
}

TEST_CASE("a renewal does not revive a deleted channel") {
  Deleting library;
  must(library.move(library.pointer(library.id, 1)));
  auto next = must(manifest::decode_channel_pointer(library.pointer(library.id, 2).payload));
  must(library.remove(2));
  next.sequence = 3;
  next.expires += std::chrono::hours(24 * 60);
  const std::string envelope = manifest::sign(manifest::channel_type, manifest::encode(next), {library.publisher}).encode();
  Status refused = library.catalog->renew_channel(model, stable, envelope, publisher_machine);
  REQUIRE(code_of(refused) == ErrorCode::not_found);
  CHECK(refused.error().message.find("was deleted") != std::string::npos);
  CHECK(library.listed() == 0);
}

TEST_CASE("only the model's publishers delete, only the channel that they name, and only above its sequence") {
  Deleting library;
  must(library.move(library.pointer(library.id, 4)));
  CHECK(code_of(library.remove(5, "stable", &library.stranger)) == ErrorCode::verification);
  CHECK(code_of(library.remove(5, "stable", &library.other_org)) == ErrorCode::verification);
  CHECK(code_of(library.remove(5, "other")) == ErrorCode::verification);
  CHECK(code_of(library.remove(5, "stable", nullptr, 2)) == ErrorCode::verification);
  CHECK(code_of(library.remove(4)) == ErrorCode::conflict);
  CHECK(code_of(library.catalog->delete_channel(model, stable, library.pointer(library.id, 9).encode(), publisher_machine)) ==
        ErrorCode::verification);
  CHECK(library.listed() == 1);
}

TEST_CASE("a deleted channel frees its place in the quotas, and what is remembered of deletions has a bound and an end") {
  Deleting library;
  library.catalog = library.open({.per_model = 1});
  must(library.move(library.pointer(library.id, 1)));
  CHECK(code_of(library.add(library.id, "other")) == ErrorCode::conflict);
  must(library.remove(2));
  must(library.add(library.id, "other"));
  // One deletion is as many as are remembered of this model.
  library.catalog = library.open({.per_model = 2});
  must(library.move(library.pointer(library.id, 3)));
  CHECK(code_of(library.catalog->deletion(model, stable)) == ErrorCode::not_found);
  library.catalog = library.open({.per_model = 0});
  Status refused = library.remove(4);
  REQUIRE(code_of(refused) == ErrorCode::conflict);
  CHECK(refused.error().message.find("remembers 0 deleted channels") != std::string::npos);
  library.catalog = library.open();
  must(library.remove(4));
  CHECK(must(sweep_database(library.database, library.clock.now() + std::chrono::days(99))).deletions == 0);
  CHECK(must(sweep_database(library.database, library.clock.now() + std::chrono::days(101))).deletions == 1);
  CHECK(code_of(library.catalog->history(model, stable)) == ErrorCode::not_found);
  CHECK_FALSE(must(library.catalog->history(model, ChannelName::trusted("other"))).empty());
}
