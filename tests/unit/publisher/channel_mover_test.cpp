#include "publisher/channel_mover.hpp"

#include <doctest/doctest.h>

#include "publisher/sequence_record.hpp"
#include "support/publishing_machine.hpp"

using namespace shoal;
using namespace shoal::publisher;
using namespace shoal::publisher::testing;

namespace {

const ModelName model = ModelName::trusted("acme/llama");
const ChannelName main_channel = ChannelName::trusted("main");
const std::string channel_path = "/v1/models/acme/llama/channels/main";

ReleaseId release(std::uint8_t number) {
  ReleaseId id;
  id.bytes[0] = number;
  return id;
}

struct Mover {
  Machine machine;
  Signer signer = machine.signer();
  ChannelMover mover{machine.session(), machine.tracker(), signer};

  ChannelMover::Moved move(const Move& wanted) { return test::must(mover.move(model, main_channel, wanted)); }
  manifest::ChannelPointer pointer() { return *test::must(mover.in_force(model, main_channel)); }
};

manifest::ChannelPointer pointing_at(const ReleaseId& id, std::optional<manifest::Rollout> rollout = {}) {
  manifest::ChannelPointer pointer;
  pointer.release = id;
  pointer.rollout = std::move(rollout);
  return pointer;
}

}  // namespace

TEST_CASE("a pointer carries rollout, what it rolls back and why") {
  Mover mover;
  manifest::Rollout rollout{10, "salt", release(1), 20};
  CHECK(mover.move({release(2), rollout, release(3), "it was bad"}).sequence == 1);
  CHECK(mover.pointer().rollout == rollout);
  CHECK(mover.pointer().rollback_of == release(3));
  CHECK(mover.pointer().reason == "it was bad");
}

TEST_CASE("the same again moves nothing, another share of the nodes does") {
  Mover mover;
  manifest::Rollout tenth{10, "salt", {}, 0}, half{50, "salt", {}, 0};
  CHECK(mover.move({release(2), tenth}).outcome == ChannelMover::Outcome::moved);
  CHECK(mover.move({release(2), tenth}).outcome == ChannelMover::Outcome::already_there);
  CHECK(mover.move({release(2), half}).sequence == 2);
  CHECK(mover.move({release(2)}).sequence == 3);
  CHECK_FALSE(mover.pointer().rollout);
}

TEST_CASE("a tracker that was restored from an old backup does not make the publisher sign an old sequence again") {
  Mover mover;
  mover.move({release(1)});
  std::string backup = mover.machine.memory().channels.at(channel_path);
  mover.move({release(2)});
  mover.move({release(3)});
  mover.machine.memory().channels[channel_path] = backup;
  SUBCASE("to something new") { CHECK(mover.move({release(4)}).sequence == 4); }
  SUBCASE("to what the backup has in force, which nodes have left since") {
    auto moved = mover.move({release(1)});
    CHECK(moved.outcome == ChannelMover::Outcome::moved);
    CHECK(moved.sequence == 4);
  }
  SUBCASE("when the channel is lost altogether") {
    mover.machine.memory().channels.clear();
    CHECK(mover.move({release(1)}).sequence == 4);
  }
}

TEST_CASE("a publisher that lost its state may say how far the fleet was") {
  Mover mover;
  CHECK(mover.move({release(1), {}, {}, "", 70}).sequence == 70);
  CHECK(mover.move({release(1), {}, {}, "", 70}).outcome == ChannelMover::Outcome::already_there);
  CHECK(mover.move({release(1), {}, {}, "", 90}).sequence == 90);
  CHECK(mover.move({release(2), {}, {}, "", 5}).sequence == 91);
}

TEST_CASE("what no node could follow is not signed") {
  Mover mover;
  auto refused = mover.mover.move(model, main_channel, {release(1), {}, {}, std::string(2000, 'x')});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::usage);
  CHECK(mover.machine.memory().channels.empty());
}

TEST_CASE("the record of sequences rises only and lasts") {
  TempDirectory state;
  SequenceRecord record(state.path());
  CHECK(test::must(record.highest(model, main_channel)) == manifest::SeenSequence{});
  test::must(record.note(model, main_channel, {{1, 7}, release(1)}));
  test::must(record.note(model, main_channel, {{1, 5}}));
  CHECK(test::must(SequenceRecord(state.path()).highest(model, main_channel)) == manifest::SeenSequence{1, 7});
  CHECK(test::must(record.newest(model, main_channel)).release == release(1));
  test::must(record.note(model, main_channel, {{2, 1}}));
  CHECK_FALSE(test::must(record.newest(model, main_channel)).release);
  CHECK(test::must(record.highest(model, main_channel)) == manifest::SeenSequence{2, 1});
  CHECK(test::must(record.highest(model, ChannelName::trusted("beta"))) == manifest::SeenSequence{});
  write(state.path() / "published/acme/llama/main.json", "{");
  CHECK_FALSE(record.highest(model, main_channel).ok());
}

TEST_CASE("all nodes at once need no rollout") {
  CHECK_FALSE(rollout_for({}, release(2), pointing_at(release(1))));
  CHECK_FALSE(rollout_for({100, 0, "salt"}, release(2), {}));
  CHECK(rollout_for({100, 5, ""}, release(2), {})->halt_percent == 5);
}

TEST_CASE("a new release goes to those that its own id chooses, and the others fall back on what was in force") {
  auto rollout = rollout_for({10, {}, ""}, release(2), pointing_at(release(1)));
  CHECK(rollout == manifest::Rollout{10, release(2).hex(), release(1), 0});
  CHECK(rollout_for({10, {}, "mine"}, release(2), {}) == manifest::Rollout{10, "mine", {}, 0});
}

TEST_CASE("while a release stays, so do its salt, its halt and the fallback") {
  auto now = pointing_at(release(2), manifest::Rollout{10, "salt", release(1), 20});
  CHECK(rollout_for({50, {}, ""}, release(2), now) == manifest::Rollout{50, "salt", release(1), 20});
  CHECK(rollout_for({50, 0, ""}, release(2), now) == manifest::Rollout{50, "salt", release(1), 0});
  CHECK(rollout_for({{}, {}, ""}, release(2), now) == manifest::Rollout{100, "salt", release(1), 20});
}

TEST_CASE("what replaces a release that went to a part falls back on the one that the others have") {
  auto now = pointing_at(release(2), manifest::Rollout{10, "salt", release(1), 20});
  CHECK(rollout_for({10, {}, ""}, release(3), now) == manifest::Rollout{10, release(3).hex(), release(1), 0});
  CHECK_FALSE(rollout_for({10, {}, ""}, release(1), now)->otherwise);
}

TEST_CASE("a renewal says the same for longer, one sequence above, and never takes the fleet back") {
  Mover mover;
  const manifest::Rollout rollout{10, "salt", release(1), 20};
  mover.move({release(2), rollout, release(3), "it was bad"});
  const manifest::ChannelPointer before = mover.pointer();
  mover.machine.clock().advance(std::chrono::hours(24 * 70));
  manifest::ChannelPointer expected = before;
  expected.sequence = 2;
  expected.issued = mover.machine.clock().now();
  expected.expires = mover.machine.clock().now() + std::chrono::hours(24 * 90);
  SUBCASE("as a rule") {
    CHECK(test::must(mover.mover.renew(before)) == expected);
    CHECK(mover.pointer() == expected);
  }
  SUBCASE("when the one before got lost on its way") {
    mover.machine.memory().before = [](const http::ClientRequest& request) -> Status {
      if (request.method != "PUT") return {};
      return fail(ErrorCode::unreachable, "the network is down");
    };
    CHECK(mover.mover.renew(before).error().code == ErrorCode::unreachable);
    mover.machine.memory().before = {};
    CHECK(test::must(mover.mover.renew(before)) == expected);
  }
  SUBCASE("not when somebody moved the channel meanwhile") {
    test::must(mover.mover.renew(before));
    CHECK(mover.mover.renew(before).error().code == ErrorCode::conflict);
    CHECK(mover.pointer() == expected);
  }
  SUBCASE("not when the tracker has lost what was signed here") {
    const std::string backup = mover.machine.memory().channels.at(channel_path);
    mover.move({release(4)});
    mover.machine.memory().channels[channel_path] = backup;
    auto refused = mover.mover.renew(before);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::conflict);
    CHECK(refused.error().message.find("channel set") != std::string::npos);
    CHECK(mover.pointer() == before);
  }
}

TEST_CASE("a tracker that knows no renewals is named as the reason") {
  Mover mover;
  mover.move({release(1)});
  mover.machine.memory().before = [](const http::ClientRequest& request) -> Status {
    if (request.method != "PUT") return {};
    return fail(ErrorCode::not_found, "PUT " + request.target + ": " + std::string(http::no_such_path));
  };
  auto refused = mover.mover.renew(mover.pointer());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("earlier version") != std::string::npos);
}

TEST_CASE("a deletion is one sequence above the pointer, and a channel that is made anew is above the deletion") {
  Mover mover;
  CHECK(mover.mover.remove(model, main_channel, "").error().code == ErrorCode::not_found);
  mover.move({release(1)});
  mover.move({release(2)});
  CHECK(test::must(mover.mover.remove(model, main_channel, "the trial is over")) == 3);
  auto envelope = test::must(
      manifest::SignedEnvelope::decode(mover.machine.memory().deletions.at(channel_path + "/deletion"), manifest::deletion_limit));
  CHECK(test::must(mover.machine.session().verifier()->deletion(envelope, model, main_channel)).reason == "the trial is over");
  CHECK(mover.mover.remove(model, main_channel, "a\nb").error().code == ErrorCode::not_found);
  // Also by a publisher who has signed nothing of it here.
  fs::remove_all(mover.machine.state() / "published");
  CHECK(mover.move({release(1)}).sequence == 4);
  CHECK(mover.mover.remove(model, main_channel, "a\nb").error().code == ErrorCode::usage);
  CHECK(mover.pointer().sequence == 4);
}
