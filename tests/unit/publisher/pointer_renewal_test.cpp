#include "publisher/pointer_renewal.hpp"

#include <doctest/doctest.h>

#include "manifest/validity.hpp"
#include "publisher/channel_mover.hpp"
#include "publisher/root_editor.hpp"
#include "support/publishing_machine.hpp"

using namespace shoal;
using namespace shoal::publisher;
using namespace shoal::publisher::testing;

namespace {

constexpr std::chrono::hours day{24};
const ChannelName main_channel = ChannelName::trusted("main");

ReleaseId release(std::uint8_t number) {
  ReleaseId id;
  id.bytes[0] = number;
  return id;
}

/// A seeder with a key for the models of acme, and what it renews.
struct Keeper {
  Machine machine{identity::Role::seeder, {{{"acme/*"}, {}, 1}}};
  Signer signer = machine.signer();
  PointerRenewal renewal{machine.session(), machine.signer(), machine.out()};
  WallTime founded = machine.clock().now();

  void set(const std::string& model, std::uint8_t number = 1) {
    ChannelMover mover(machine.session(), machine.tracker(), signer);
    test::must(mover.move(ModelName::trusted(model), main_channel, {release(number)}));
  }
  manifest::ChannelPointer pointer(const std::string& model) {
    ChannelMover mover(machine.session(), machine.tracker(), signer);
    return *test::must(mover.in_force(ModelName::trusted(model), main_channel));
  }
  void go_to_day(int number) { machine.clock().advance(founded + day * number - machine.clock().now()); }
  PointerRenewal::Turn turn() { return test::must(renewal.turn(machine.tracker())); }
  bool is_fetchable(const std::string& model) {
    const WallTime now = machine.clock().now();
    return now < pointer(model).expires && now < machine.session().verifier()->root().expires;
  }
  /// As `shoal trust rotate` without changes.
  void renew_root() {
    RootEdit wanted;
    wanted.expires = machine.clock().now() + day * 730;
    const auto next = test::must(edit(machine.session().verifier()->root(), wanted));
    machine.memory().roots["/v1/trust-roots/" + std::to_string(next.version)] =
        manifest::sign(manifest::trust_root_type, manifest::encode(next), {machine.root_key()}).encode();
  }
};

}  // namespace

TEST_CASE("a pointer is due at two thirds of its life, or up to an eighteenth of it earlier") {
  manifest::ChannelPointer pointer;
  pointer.issued = WallTime(day * 100);
  pointer.expires = WallTime(day * 190);
  CHECK(renewal_time(pointer, 0) == WallTime(day * 160));
  CHECK(renewal_time(pointer, 1) == WallTime(day * 155));
  CHECK(renewal_time(pointer, 7) == WallTime(day * 155));
}

TEST_CASE("days are counted down, with a warning for the last thirty") {
  const WallTime end(day * 100);
  CHECK(manifest::days_left(end, WallTime(day * 10)) == 90);
  CHECK(manifest::days_left(end, end - std::chrono::seconds(1)) == 0);
  CHECK(manifest::days_left(end, end + std::chrono::seconds(1)) == -1);
  CHECK_FALSE(manifest::ends_soon(end, end - day * 31));
  CHECK(manifest::ends_soon(end, end - day * 30 - std::chrono::hours(1)));  // "ends in 30 days"
  CHECK(manifest::ends_soon(end, end + day));
  CHECK(manifest::end_text(end, end - day * 12) == "ends in 12 days");
  CHECK(manifest::end_text(end, end - day) == "ends in 1 day");
  CHECK(manifest::end_text(end, end + day * 3 + std::chrono::hours(1)) == "ended 3 days ago");
}

TEST_CASE("a seeder that looks every few hours keeps a channel that nobody moves fetchable for two years") {
  Keeper keeper;
  keeper.set("acme/llama");
  for (int number = 1; number < 729; ++number) {
    keeper.go_to_day(number);
    keeper.turn();
    REQUIRE(keeper.is_fetchable("acme/llama"));
    REQUIRE(keeper.pointer("acme/llama").expires - keeper.machine.clock().now() >= day * 29);
  }
  CHECK(keeper.pointer("acme/llama").sequence >= 12);
  CHECK(keeper.pointer("acme/llama").sequence <= 15);  // no more often than has to be
  CHECK(keeper.pointer("acme/llama").release == release(1));
}

TEST_CASE("a seeder that was off while the clock went on renews when it is back") {
  for (int number : {89, 91, 400}) {
    Keeper keeper;
    keeper.set("acme/llama");
    keeper.go_to_day(number);
    CHECK(keeper.is_fetchable("acme/llama") == (number < 90));
    CHECK(keeper.turn().renewed == 1);
    CHECK(keeper.is_fetchable("acme/llama"));
    CHECK(keeper.turn().renewed == 0);
    CHECK(keeper.pointer("acme/llama").sequence == 2);
  }
}

TEST_CASE("after the trust root has ended nothing is renewed, which is said, until the root is") {
  Keeper keeper;
  keeper.set("acme/llama");
  keeper.go_to_day(800);
  auto refused = keeper.renewal.turn(keeper.machine.tracker());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("shoal trust rotate --root-key") != std::string::npos);
  CHECK(keeper.pointer("acme/llama").sequence == 1);
  keeper.renew_root();
  CHECK(keeper.turn().renewed == 1);
  CHECK(keeper.is_fetchable("acme/llama"));
}

TEST_CASE("models that the key may not sign are left alone, and one that fails holds up no other") {
  Keeper keeper;
  keeper.set("acme/llama");
  keeper.set("acme/whisper");
  const std::string foreign = "/v1/models/other/llama/channels/main";
  auto pointer = keeper.pointer("acme/llama");
  pointer.model = ModelName::trusted("other/llama");
  keeper.machine.memory().channels[foreign] =
      manifest::sign(manifest::channel_type, manifest::encode(pointer), {crypto::PrivateKey::generate()}).encode();
  const std::string before = keeper.machine.memory().channels.at(foreign);
  keeper.go_to_day(70);
  keeper.machine.memory().before = [](const http::ClientRequest& request) -> Status {
    if (request.method == "PUT" && request.target.find("llama") != std::string::npos) return fail(ErrorCode::conflict, "moved");
    return {};
  };
  auto turn = keeper.turn();
  CHECK(turn.renewed == 1);
  CHECK(turn.failed == 1);
  CHECK(turn.next <= keeper.machine.clock().now() + PointerRenewal::rest_with_work_left);
  CHECK(keeper.pointer("acme/whisper").sequence == 2);
  CHECK(keeper.machine.memory().channels.at(foreign) == before);
}

TEST_CASE("of many pointers those that end first are renewed in one turn, and the others in the next") {
  Keeper keeper;
  for (int i = 0; i < 3; ++i) keeper.set("acme/old" + std::to_string(i));
  keeper.go_to_day(1);
  for (std::size_t i = 0; i < PointerRenewal::most_at_once; ++i) keeper.set("acme/m" + std::to_string(i));
  keeper.go_to_day(88);
  auto first = keeper.turn();
  CHECK(first.renewed == PointerRenewal::most_at_once);
  CHECK(first.left == 3);
  CHECK(first.next <= keeper.machine.clock().now() + PointerRenewal::rest_with_work_left);
  for (int i = 0; i < 3; ++i) CHECK(keeper.pointer("acme/old" + std::to_string(i)).sequence == 2);
  CHECK(keeper.turn().renewed == 3);
  CHECK(keeper.turn().next == keeper.machine.clock().now() + PointerRenewal::longest_rest);
}

TEST_CASE("what somebody moved between the look and the renewal stays moved") {
  Keeper keeper;
  keeper.set("acme/llama", 1);
  keeper.go_to_day(70);
  bool once = true;
  keeper.machine.memory().before = [&](const http::ClientRequest& request) -> Status {
    if (request.method == "PUT" && request.target.ends_with("/renewal") && std::exchange(once, false)) {
      auto moved = keeper.pointer("acme/llama");
      moved.sequence = 2;
      moved.release = release(9);
      keeper.machine.memory().channels["/v1/models/acme/llama/channels/main"] =
          manifest::sign(manifest::channel_type, manifest::encode(moved), {keeper.machine.key()}).encode();
    }
    return {};
  };
  CHECK(keeper.turn().failed == 1);
  CHECK(keeper.pointer("acme/llama").release == release(9));
}

TEST_CASE("a tracker that shows an older pointer than before gets it renewed by nobody, also after a restart") {
  Keeper keeper;
  const std::string path = "/v1/models/acme/llama/channels/main";
  keeper.set("acme/llama", 1);
  const std::string older = keeper.machine.memory().channels.at(path);
  auto moved = keeper.pointer("acme/llama");
  moved.sequence = 2;  // by another publisher
  moved.release = release(2);
  keeper.machine.memory().channels[path] = manifest::sign(manifest::channel_type, manifest::encode(moved), {keeper.machine.key()}).encode();
  keeper.turn();
  keeper.machine.memory().channels[path] = older;
  keeper.go_to_day(91);
  CHECK(keeper.turn().failed == 1);
  PointerRenewal again(keeper.machine.session(), keeper.machine.signer(), keeper.machine.out());
  CHECK(test::must(again.turn(keeper.machine.tracker())).failed == 1);
  CHECK(keeper.machine.memory().channels.at(path) == older);
}
