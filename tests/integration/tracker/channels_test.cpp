// What a fleet lives with, against the running tracker: freshness, rollouts that halt, histories, roots that rotate, withdrawals.
#include <future>

#include "doctest/doctest.h"
#include "running_fleet.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;
using identity::Role;

namespace {

template <class Outcome>
ErrorCode code_of(const Outcome& result) {
  REQUIRE_FALSE(result.ok());
  return result.error().code;
}

struct Town : RunningFleet {
  Town() {
    start();
    seeder = join(Role::seeder);
    node = join(Role::node);
  }

  ReleaseId publish(const std::string& name = "1.0") {
    auto envelope = signed_release(name);
    must(seeder->client.publish(model, VersionName::trusted(name), envelope.encode(), metainfo));
    return manifest::release_id(envelope.payload);
  }
  manifest::ChannelPointer plain(const ReleaseId& id, std::uint64_t sequence) const {
    return must(manifest::decode_channel_pointer(pointer(id, sequence).payload));
  }
  Status set(const manifest::ChannelPointer& made) {
    return seeder->client.set_channel(model, stable, manifest::sign(manifest::channel_type, manifest::encode(made), {publisher}).encode());
  }
  Result<manifest::VerifiedFreshness> read(const std::string& envelope) const {
    auto verifier = must(manifest::Verifier::restore(trust_root()));
    return verifier.freshness(must(manifest::SignedEnvelope::decode(envelope, manifest::freshness_limit)), clock.now());
  }
  manifest::Freshness fresh() { return *must(read(must(node->client.freshness(0, 0s)))); }
  bool halted() {
    auto statement = fresh();
    auto* found = statement.find(model, stable);
    return found != nullptr && found->halted;
  }

  std::unique_ptr<MemberClient> seeder, node;
};

registry::NodeReport report(const char* phase, const ReleaseId& wanted, std::optional<ReleaseId> active = {}) {
  registry::SubscriptionReport row;
  row.model = model;
  row.channel = stable;
  row.phase = phase;
  row.wanted = wanted;
  row.active = active;
  return {"shoal test", {row}};
}

}  // namespace

TEST_CASE("a machine that waits hears of a moved channel at once") {
  Town town;
  ReleaseId id = town.publish();
  auto before = town.fresh();
  CHECK(before.channels.empty());
  auto waiting = std::async(std::launch::async, [&] { return town.node->client.freshness(before.serial, 40s); });
  // The move may come before the question: then it is answered at once, which is as good.
  auto pointer = town.plain(id, 1);
  must(town.set(pointer));
  REQUIRE(waiting.wait_for(30s) == std::future_status::ready);
  auto after = *must(town.read(must(waiting.get())));
  CHECK(after.serial != before.serial);
  REQUIRE(after.channels.size() == 1);
  CHECK(after.channels[0].sequence == 1);
  CHECK(after.channels[0].pointer ==
        crypto::sha256(
            must(manifest::SignedEnvelope::decode(must(town.node->client.channel(model, stable)), manifest::channel_limit)).payload));
}

TEST_CASE("a machine whose patience ends gets the statement in force") {
  Town town;
  auto before = town.fresh();
  auto after = *must(town.read(must(town.node->client.freshness(before.serial, 1s))));
  CHECK(after.serial == before.serial);
  CHECK(town.node->send("GET", "/v1/freshness?after=x").status == 400);
  for (const char* places : {"", "xyz", "0a3,", "0a3,0a"})
    CHECK(town.node->send("GET", "/v1/freshness?wait=0&places=" + std::string(places)).status == 400);
  // A small fleet has one statement, whatever the places.
  CHECK(must(town.node->client.freshness({0x000, 0xfff}, 0, 0s)) == std::vector<std::string>{must(town.node->client.freshness(0, 0s))});
  CHECK(town.node->send("GET", "/v1/freshness?after=" + std::to_string(before.serial) + "&wait=0").status == 200);
}

TEST_CASE("a tracker that stops answers those who wait") {
  Town town;
  auto before = town.fresh();
  auto waiting = std::async(std::launch::async, [&] { return town.node->client.freshness(before.serial, 40s); });
  must(town.seeder->client.status());
  town.stop();
  CHECK(waiting.wait_for(30s) == std::future_status::ready);
}

TEST_CASE("statements that the tracker did not make, or made for others, are refused") {
  Town town;
  auto genuine = must(manifest::SignedEnvelope::decode(must(town.node->client.freshness(0, 0s)), manifest::freshness_limit));
  CHECK(town.read(genuine.encode()).ok());
  auto forged = genuine;
  forged.payload.replace(forged.payload.find("\"serial\":") + 9, 1, "9");
  CHECK(code_of(town.read(forged.encode())) == ErrorCode::verification);
  CHECK(code_of(town.read(manifest::sign(manifest::freshness_type, genuine.payload, {town.publisher}).encode())) ==
        ErrorCode::verification);
  Town other;
  CHECK(code_of(town.read(must(other.node->client.freshness(0, 0s)))) == ErrorCode::verification);
  auto verifier = must(manifest::Verifier::restore(town.trust_root()));
  CHECK(code_of(verifier.freshness(genuine, town.clock.now() + 25h)) == ErrorCode::verification);
}

TEST_CASE("a rollout halts when too many fail, and the next pointer starts afresh") {
  Town town;
  ReleaseId first = town.publish("1.0"), second = town.publish("2.0");
  must(town.set(town.plain(first, 1)));
  auto pointer = town.plain(second, 2);
  pointer.rollout = manifest::Rollout{10, "salt", first, 40};
  must(town.set(pointer));
  auto other = town.join(Role::node), third = town.join(Role::node);
  must(town.node->client.report(report("active", second, second)));
  must(other->client.report(report("active", second, second)));
  CHECK_FALSE(town.halted());
  must(third->client.report(report("failed", second, first)));  // 1 of 3
  CHECK_FALSE(town.halted());
  auto waiting = std::async(std::launch::async, [&, serial = town.fresh().serial] { return town.node->client.freshness(serial, 40s); });
  must(other->client.report(report("failed", second, first)));  // 2 of 3
  REQUIRE(waiting.wait_for(30s) == std::future_status::ready);
  CHECK(town.halted());
  must(other->client.report(report("active", second, second)));
  CHECK(town.halted());
  town.stop();
  town.start();
  town.node = std::make_unique<MemberClient>(*town.node->store.current(), town.port());
  town.seeder = std::make_unique<MemberClient>(*town.seeder->store.current(), town.port());
  CHECK(town.halted());
  pointer.sequence = 3;
  must(town.set(pointer));
  CHECK_FALSE(town.halted());
}

TEST_CASE("a renewed pointer of a halted rollout is halted, and one that was set again is not until somebody fails under it") {
  Town town;
  ReleaseId first = town.publish("1.0"), second = town.publish("2.0");
  must(town.set(town.plain(first, 1)));
  auto pointer = town.plain(second, 2);
  pointer.rollout = manifest::Rollout{100, "salt", first, 40};
  must(town.set(pointer));
  auto failed = report("failed", second, first);
  failed.subscriptions[0].tried = {1, 2};
  must(town.node->client.report(failed));
  CHECK(town.halted());

  pointer.sequence = 3;
  pointer.expires += std::chrono::hours(24);
  auto renewal = [&] { return manifest::sign(manifest::channel_type, manifest::encode(pointer), {town.publisher}).encode(); };
  CHECK(code_of(town.node->client.renew_channel(model, stable, renewal())) == ErrorCode::not_enrolled);
  must(town.seeder->client.renew_channel(model, stable, renewal()));
  CHECK(town.halted());
  CHECK(town.fresh().find(model, stable)->sequence == 3);
  CHECK(code_of(town.seeder->client.renew_channel(model, stable, town.pointer(first, 4).encode())) == ErrorCode::conflict);

  pointer.sequence = 4;
  must(town.set(pointer));
  must(town.node->client.report(failed));  // it has not tried again
  CHECK_FALSE(town.halted());
  failed.subscriptions[0].tried = {1, 4};
  must(town.node->client.report(failed));
  CHECK(town.halted());
}

TEST_CASE("the fleet sees which node runs what; a restart of the tracker forgets it and nothing else") {
  Town town;
  ReleaseId id = town.publish();
  must(town.set(town.plain(id, 1)));
  must(town.node->client.report(report("active", id, id)));
  auto rows = must(town.seeder->client.nodes());
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].machine.id == town.node->id());
  CHECK(rows[0].seen);
  CHECK(rows[0].report.subscriptions.at(0).active == id);
  auto before = town.fresh();
  town.stop();
  town.start();
  MemberClient again(*town.node->store.current(), town.port());
  rows = must(again.client.nodes());
  REQUIRE(rows.size() == 1);
  CHECK_FALSE(rows[0].seen);
  CHECK(must(again.client.history(model, stable)).size() == 1);
  auto after = *must(town.read(must(again.client.freshness(before.serial, 20s))));  // another serial: at once
  CHECK(after.serial != before.serial);
  CHECK(after.channels == before.channels);
}

TEST_CASE("a channel's history says who moved it") {
  Town town;
  ReleaseId id = town.publish();
  auto admin = town.join(Role::admin);
  must(town.set(town.plain(id, 1)));
  must(admin->client.set_channel(model, stable, town.pointer(id, 2).encode()));
  auto rows = must(town.node->client.history(model, stable));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].who == admin->id());
  CHECK(rows[1].who == town.seeder->id());
  CHECK(rows[0].version == "1.0");
  CHECK(code_of(town.node->client.history(model, ChannelName::trusted("beta"))) == ErrorCode::not_found);
}

TEST_CASE("the trust root rotates: waiting machines hear of it, and what the old publisher signs is over") {
  Town town;
  ReleaseId id = town.publish();
  must(town.set(town.plain(id, 1)));
  crypto::PrivateKey new_root = crypto::PrivateKey::generate(), new_publisher = crypto::PrivateKey::generate();
  auto next = must(manifest::decode_trust_root(town.trust_root().payload));
  next.version = 2;
  next.epoch = 2;
  next.keys = {new_root.public_key(), new_publisher.public_key(), town.freshness.public_key()};
  next.root_keys = {new_root.public_key().id()};
  next.publishers = {{{"*"}, {new_publisher.public_key().id()}, 1}};
  auto before = town.fresh();
  auto token_of_before = town.token(Role::node);
  auto second = [&](const std::vector<crypto::PrivateKey>& keys) {
    return manifest::sign(manifest::trust_root_type, manifest::encode(next), keys).encode();
  };
  CHECK(code_of(town.node->client.trust_root(2)) == ErrorCode::not_found);
  CHECK(code_of(town.seeder->client.set_trust_root(2, second({new_root}))) == ErrorCode::verification);
  CHECK_FALSE(town.node->client.set_trust_root(2, second({town.root, new_root})).ok());  // a node may not
  std::string envelope = second({town.root, new_root});
  must(town.seeder->client.set_trust_root(2, envelope));
  CHECK(must(town.node->client.trust_root(2)) == envelope);
  std::string first = must(town.node->client.trust_root(1));
  CHECK(must(manifest::SignedEnvelope::decode(first, manifest::trust_root_limit)).payload == town.trust_root().payload);

  auto verifier = must(manifest::Verifier::restore(town.trust_root()));
  must(verifier.rotate(must(manifest::SignedEnvelope::decode(envelope, manifest::trust_root_limit))));
  auto after = *must(verifier.freshness(
      must(manifest::SignedEnvelope::decode(must(town.node->client.freshness(before.serial, 20s)), manifest::freshness_limit)),
      town.clock.now()));
  CHECK(after.trust_root == 2);
  CHECK(after.serial != before.serial);

  CHECK(code_of(town.seeder->client.set_channel(model, stable, town.pointer(id, 2).encode())) == ErrorCode::verification);
  auto pointer = town.plain(id, 1);
  pointer.epoch = 2;
  must(town.seeder->client.set_channel(model, stable,
                                       manifest::sign(manifest::channel_type, manifest::encode(pointer), {new_publisher}).encode()));

  // Who joins gets the way from the root that its token pins to the newest; tokens of before go on working.
  auto reply = must(town.enrol(token_of_before, identity::make_request().request_pem));
  CHECK(reply.trust_root == first);
  CHECK(reply.later_trust_roots == std::vector{envelope});
  auto database = must(tracker::Database::open(tracker::database_path(town.state.path())));
  Sha256 newest = must(tracker::newest_fingerprint(database, Sha256{}));
  CHECK(newest == Sha256{verifier.fingerprint().bytes});
  tracker::FleetPins pins{{"127.0.0.1", town.port()}, town.fleet.authority().pin(), newest};
  auto token = must(tracker::create_token(database, pins, {Role::node, 1, 1h}, town.clock.now()));
  reply = must(town.enrol(token, identity::make_request().request_pem));
  CHECK(reply.trust_root == envelope);
  CHECK(reply.later_trust_roots.empty());

  town.stop();
  town.start();
  MemberClient again(*town.node->store.current(), town.port());
  CHECK(must(again.client.trust_root(2)) == envelope);
}

TEST_CASE("a root that no longer names the tracker's key ends its statements, with a word about it") {
  Town town;
  auto next = must(manifest::decode_trust_root(town.trust_root().payload));
  next.version = 2;
  next.keys = {town.root.public_key(), town.publisher.public_key()};
  next.tracker_keys.clear();
  must(town.seeder->client.set_trust_root(2, manifest::sign(manifest::trust_root_type, manifest::encode(next), {town.root}).encode()));
  auto refused = town.node->client.freshness(0, 0s);
  CHECK(code_of(refused) == ErrorCode::not_found);
  CHECK(refused.error().message.find("trust rotate") != std::string::npos);
}

TEST_CASE("a withdrawn release is refused to everyone, and its swarm is told why") {
  Town town;
  ReleaseId first = town.publish("1.0");
  auto two = town.release("2.0");
  const std::string other_metainfo = "d4:infod1:a1:bee";
  two.swarm = {must(InfoHash::from_raw(crypto::sha1(other_metainfo).view())), 65536, crypto::sha256(other_metainfo), other_metainfo.size()};
  auto envelope = manifest::sign(manifest::release_type, manifest::encode(two), {town.publisher});
  must(town.seeder->client.publish(model, two.version, envelope.encode(), other_metainfo));
  ReleaseId second = manifest::release_id(envelope.payload);
  must(town.set(town.plain(second, 1)));
  CHECK(town.node->client.announce(announcement(town.node->id(), two.swarm.info_hash, 7000, 1)).ok());

  manifest::Withdrawal withdrawal{model, two.version, second, "wrong weights", SystemClock().now()};
  const std::string word = manifest::sign(manifest::withdrawal_type, manifest::encode(withdrawal), {town.publisher}).encode();
  CHECK(code_of(town.seeder->client.withdraw(model, two.version, R"({"reason":"evil"})")) == ErrorCode::verification);
  CHECK(code_of(town.seeder->client.withdraw(model, two.version, word)) == ErrorCode::conflict);  // a channel points to it
  must(town.set(town.plain(first, 2)));
  CHECK_FALSE(town.node->client.withdraw(model, two.version, word).ok());  // a node may not
  must(town.seeder->client.withdraw(model, two.version, word));

  auto gone = town.node->client.release(model, two.version);
  CHECK(code_of(gone) == ErrorCode::not_found);
  CHECK(gone.error().message.find("was withdrawn: wrong weights") != std::string::npos);
  CHECK(code_of(town.node->client.metainfo(second, other_metainfo.size())) == ErrorCode::not_found);
  auto announce = town.node->client.announce(announcement(town.node->id(), two.swarm.info_hash, 7000, 1));
  REQUIRE_FALSE(announce.ok());
  CHECK(announce.error().message.find("wrong weights") != std::string::npos);
  CHECK_FALSE(town.set(town.plain(second, 3)).ok());
  CHECK_FALSE(town.seeder->client.publish(model, two.version, envelope.encode(), other_metainfo).ok());
  CHECK(town.node->client.release(model, version).ok());
}

TEST_CASE("what only some may do is refused to the others") {
  Town town;
  auto admin = town.join(Role::admin);
  CHECK_FALSE(admin->client.report({"shoal", {}}).ok());
  CHECK(admin->client.nodes().ok());
  CHECK(town.node->client.nodes().ok());
  CHECK(town.node->send("PUT", "/v1/nodes/self", "{").status == 400);
  CHECK(town.node->send("GET", "/v1/trust-roots/x").status == 400);
}
