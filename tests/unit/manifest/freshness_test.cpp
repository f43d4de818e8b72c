// The tracker's statement, and who goes first in a rollout.
#include "manifest/freshness.hpp"

#include "doctest/doctest.h"
#include "support/golden.hpp"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using namespace shoal::test;
using manifest::Freshness;
using manifest::Rollout;
using manifest::SignedEnvelope;

namespace {

Freshness good_freshness() {
  Freshness made;
  made.fleet = FleetName::trusted("fleet.example");
  made.serial = 1'790'000'000'123;
  made.trust_root = 4;
  made.issued = time_of("2026-03-01T00:00:00Z");
  made.expires = time_of("2026-03-02T00:00:00Z");
  made.channels = {{model("acme/tern"), channel("beta"), 3, 2, digest_of<Sha256>("beta"), true},
                   {model("acme/tern"), channel("stable"), 3, 7, digest_of<Sha256>("stable"), false},
                   {model("other/bird"), channel("main"), 3, 1, digest_of<Sha256>("main"), false}};
  return made;
}

struct Watched : Fleet {
  crypto::PrivateKey tracker = crypto::PrivateKey::generate();

  manifest::TrustRoot root_with_tracker() const {
    manifest::TrustRoot made = root();
    made.keys.push_back(tracker.public_key());
    made.tracker_keys = {id(tracker)};
    return made;
  }
  manifest::Verifier watching() const { return manifest::Verifier::restore(sign_root(root_with_tracker())).value(); }
  Status take(const std::string& payload, const crypto::PrivateKey& key) const {
    auto taken = watching().freshness(manifest::sign(manifest::freshness_type, payload, {key}), now);
    return taken.ok() ? Status() : Status(taken.error());
  }
};

std::string refusal(const Status& status) {
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::verification);
  return status.error().message;
}

bool says(const std::string& text, const char* words) { return text.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("a freshness statement is written as the golden file and read back whole") {
  std::string text = encode(good_freshness());
  CHECK(text + "\n" == golden("manifest/freshness.json", text + "\n"));
  CHECK(manifest::decode_freshness(text).value() == good_freshness());
}

TEST_CASE("a channel is found among those that a statement lists") {
  Freshness statement = good_freshness();
  REQUIRE(statement.find(model("acme/tern"), channel("beta")) != nullptr);
  CHECK(statement.find(model("acme/tern"), channel("beta"))->halted);
  CHECK(statement.find(model("acme/tern"), channel("stable"))->sequence == 7);
  CHECK(statement.find(model("other/bird"), channel("main"))->sequence == 1);
  CHECK(statement.find(model("acme/tern"), channel("zeta")) == nullptr);
  CHECK(statement.find(model("zeta/tern"), channel("main")) == nullptr);
  CHECK(Freshness{}.find(model(), channel()) == nullptr);
}

TEST_CASE("statements of a wrong form are refused") {
  using Edit = std::function<void(OrderedJson&)>;
  const std::vector<std::pair<const char*, Edit>> edits = {
      {"sorted", [](auto& json) { std::swap(json["channels"][0], json["channels"][1]); }},
      {"sorted", [](auto& json) { json["channels"][1] = json["channels"][0]; }},
      {"serial", [](auto& json) { json["serial"] = 0; }},
      {"serial", [](auto& json) { json["serial"] = std::uint64_t{1} << 53; }},
      {"trust_root", [](auto& json) { json["trust_root"] = 0; }},
      {"sequence", [](auto& json) { json["channels"][0]["sequence"] = 0; }},
      {"epoch", [](auto& json) { json["channels"][0]["epoch"] = 0; }},
      {"halted", [](auto& json) { json["channels"][0]["halted"] = 1; }},
      {"pointer", [](auto& json) { json["channels"][0]["pointer"] = "ab"; }},
      {"extra", [](auto& json) { json["channels"][0]["extra"] = 1; }},
      {"extra", [](auto& json) { json["extra"] = 1; }},
      {"schema", [](auto& json) { json["schema"] = 2; }},
      {"expires", [](auto& json) { json["expires"] = json["issued"]; }},
      {"seven days", [](auto& json) { json["expires"] = "2026-04-01T00:00:00Z"; }},
      {"model", [](auto& json) { json["channels"][0]["model"] = "../x"; }},
      {"channels", [](auto& json) { json.erase("channels"); }},
  };
  for (const auto& [words, edit] : edits) {
    CAPTURE(words);
    auto decoded = manifest::decode_freshness(edited(good_freshness(), edit));
    REQUIRE_FALSE(decoded.ok());
    CHECK_MESSAGE(says(decoded.error().message, words), decoded.error().message);
  }
}

TEST_CASE("a statement is believed when the tracker of this fleet signed it and until it expires") {
  Watched fleet;
  std::string payload = encode(good_freshness());
  CHECK(fleet.take(payload, fleet.tracker).ok());
  for (const auto* key : {&fleet.stranger, &fleet.publisher, &fleet.root_a})
    CHECK(says(refusal(fleet.take(payload, *key)), "good signatures"));
  Freshness foreign = good_freshness();
  foreign.fleet = FleetName::trusted("elsewhere.example");
  CHECK(says(refusal(fleet.take(encode(foreign), fleet.tracker)), "of fleet"));
  CHECK(says(refusal(fleet.take("{}", fleet.tracker)), "freshness statement"));
  fleet.now = good_freshness().expires - std::chrono::seconds(1);
  CHECK(fleet.take(payload, fleet.tracker).ok());
  fleet.now = good_freshness().expires;
  CHECK(says(refusal(fleet.take(payload, fleet.tracker)), "expired"));
}

TEST_CASE("a statement of another type, or where the trust root names no tracker, is not believed") {
  Watched fleet;
  SignedEnvelope envelope = manifest::sign(manifest::channel_type, encode(good_freshness()), {fleet.tracker});
  CHECK_FALSE(fleet.watching().freshness(envelope, fleet.now).ok());
  envelope = manifest::sign(manifest::freshness_type, encode(good_freshness()), {fleet.tracker});
  CHECK(fleet.watching().freshness(envelope, fleet.now).ok());
  auto refused = fleet.verifier().freshness(envelope, fleet.now);
  REQUIRE_FALSE(refused.ok());
  CHECK(says(refused.error().message, "no tracker keys"));
}

TEST_CASE("the tracker's key signs neither releases nor pointers") {
  Watched fleet;
  auto verifier = fleet.watching();
  CHECK_FALSE(verifier.release(manifest::sign(manifest::release_type, encode(good_release()), {fleet.tracker}), model()).ok());
  CHECK_FALSE(
      verifier.channel(manifest::sign(manifest::channel_type, encode(good_pointer()), {fleet.tracker}), model(), channel(), {}, fleet.now)
          .ok());
}

TEST_CASE("a trust root keeps its tracker keys, which must be known and do nothing else") {
  Watched fleet;
  manifest::TrustRoot root = fleet.root_with_tracker();
  CHECK(manifest::decode_trust_root(encode(root)).value().tracker_keys == root.tracker_keys);
  CHECK(encode(fleet.root()).find("tracker_keys") == std::string::npos);
  root.tracker_keys = {Fleet::id(fleet.stranger)};
  CHECK_FALSE(check(root).ok());
  root.tracker_keys = {Fleet::id(fleet.publisher)};
  CHECK_FALSE(check(root).ok());
  root.tracker_keys = {Fleet::id(fleet.root_a)};
  CHECK_FALSE(check(root).ok());
  root.tracker_keys = {Fleet::id(fleet.tracker), Fleet::id(fleet.tracker)};
  CHECK_FALSE(check(root).ok());
}

TEST_CASE("a rollout chooses its share, and who is chosen stays so while it grows") {
  std::vector<NodeId> nodes;
  for (int i = 0; i < 4000; ++i) {
    std::string text = "aaaaaaaaa" + std::string{char('a' + i / 400), char('a' + i / 20 % 20), char('a' + i % 20)};
    nodes.push_back(NodeId::parse(text).value());
  }
  auto chosen = [&](std::uint32_t percent, const char* salt) {
    std::vector<NodeId> list;
    for (const NodeId& node : nodes)
      if (is_chosen(Rollout{percent, salt, {}, 0}, node)) list.push_back(node);
    return list;
  };
  CHECK(chosen(0, "s").empty());
  CHECK(chosen(100, "s").size() == nodes.size());
  std::size_t before = 0;
  for (std::uint32_t percent : {1u, 10u, 50u, 90u}) {
    auto now = chosen(percent, "s");
    CHECK(now.size() > before);
    CHECK(now.size() * 100 > nodes.size() * percent * 7 / 10);
    CHECK(now.size() * 100 < nodes.size() * percent * 13 / 10);
    for (const NodeId& node : chosen(percent / 2, "s")) CHECK(std::find(now.begin(), now.end(), node) != now.end());
    before = now.size();
  }
  CHECK(chosen(10, "s") != chosen(10, "t"));
}

TEST_CASE("who is chosen is the same everywhere: the first eight bytes of SHA-256, big-endian") {
  // As docs/formats.md says it, computed another way.
  Sha256 digest = crypto::sha256(std::string_view("canary\0aaaaaaaaaaaa", 19));
  std::uint64_t number = std::stoull(digest.hex().substr(0, 16), nullptr, 16) % 10000;
  auto chosen = [&](std::uint64_t percent) {
    return is_chosen(Rollout{static_cast<std::uint32_t>(percent), "canary", {}, 0}, NodeId::trusted("aaaaaaaaaaaa"));
  };
  CHECK_FALSE(chosen(number / 100));
  CHECK(chosen(number / 100 + 1));
}

TEST_CASE("a pointer keeps its rollout, and one that no node could follow is refused") {
  manifest::ChannelPointer pointer = good_pointer();
  pointer.rollout = Rollout{25, "salt", digest_of<ReleaseId>("before"), 20};
  CHECK(manifest::decode_channel_pointer(encode(pointer)).value() == pointer);
  pointer.rollout = Rollout{};
  CHECK(manifest::decode_channel_pointer(encode(pointer)).value() == pointer);
  using Edit = std::function<void(OrderedJson&)>;
  for (const Edit& edit :
       std::vector<Edit>{[](auto& json) { json["percent"] = 101; }, [](auto& json) { json["percent"] = std::uint64_t{1} << 32; },
                         [](auto& json) { json["percent"] = -1; }, [](auto& json) { json["halt_percent"] = 101; },
                         [](auto& json) { json["salt"] = std::string(129, 's'); }, [](auto& json) { json["salt"] = 1; },
                         [](auto& json) { json["salt"] = "a\nb"; }, [](auto& json) { json["otherwise"] = "ab"; },
                         [](auto& json) { json["more"] = 1; }, [](auto& json) { json.erase("salt"); }}) {
    std::string text = edited(pointer, [&](OrderedJson& json) { edit(json["rollout"]); });
    CAPTURE(text);
    CHECK_FALSE(manifest::decode_channel_pointer(text).ok());
  }
  CHECK_FALSE(manifest::decode_channel_pointer(edited(pointer, [](OrderedJson& json) { json["rollout"] = 50; })).ok());
}

TEST_CASE("every place lies in exactly one shard, and the place of a channel is the first twelve bits of a SHA-256") {
  for (std::uint32_t count : {1u, 2u, 64u, 4096u}) {
    CAPTURE(count);
    std::vector<std::size_t> held(count);
    for (std::uint32_t place = 0; place < 4096; ++place) {
      const auto shard = manifest::shard_of(static_cast<manifest::ChannelPlace>(place), count);
      CHECK(shard.holds(static_cast<manifest::ChannelPlace>(place)));
      ++held.at(shard.index);
    }
    for (std::uint32_t index = 0; index < count; ++index) {
      CHECK(held[index] == 4096 / count);
      CHECK(manifest::shard_of(manifest::Shard{index, count}.first_place(), count) == manifest::Shard{index, count});
    }
  }
  // As docs/formats.md says it, computed another way.
  CHECK(manifest::place_of(model("acme/tern"), channel("beta")) ==
        std::stoul(crypto::sha256("acme/tern:beta").hex().substr(0, 3), nullptr, 16));
}

TEST_CASE("shards overlap where they have a place in common, whatever their sizes") {
  using manifest::Shard;
  CHECK(Shard{0, 1}.overlaps({5, 8}));
  CHECK(Shard{5, 8}.overlaps({0, 1}));
  CHECK(Shard{5, 8}.overlaps({2, 4}));
  CHECK(Shard{2, 4}.overlaps({5, 8}));
  CHECK(Shard{3, 4}.overlaps({3, 4}));
  CHECK_FALSE(Shard{5, 8}.overlaps({1, 4}));
  CHECK_FALSE(Shard{1, 4}.overlaps({5, 8}));
  CHECK_FALSE(Shard{4095, 4096}.overlaps({4094, 4096}));
}

TEST_CASE("a statement of a shard is read back whole, and one of all channels looks as it always did") {
  Freshness statement = good_freshness();
  CHECK(encode(statement).find("shard") == std::string::npos);
  const auto place = manifest::place_of(statement.channels[0].model, statement.channels[0].channel);
  statement.channels.resize(1);
  statement.shard = manifest::shard_of(place, 64);
  CHECK(encode(statement).find("\"shard\":{\"index\":" + std::to_string(place >> 6) + ",\"count\":64}") != std::string::npos);
  CHECK(manifest::decode_freshness(encode(statement)).value() == statement);
}

TEST_CASE("a statement of another shard proves nothing of a channel") {
  Watched fleet;
  Freshness statement = good_freshness();
  const manifest::ChannelState beta = statement.channels[0];
  statement.channels = {beta};
  const auto own = manifest::shard_of(manifest::place_of(beta.model, beta.channel), 4096);
  // One that lists a channel of elsewhere is refused, whoever signed it ...
  statement.shard = {(own.index + 1) % 4096, 4096};
  CHECK(says(refusal(fleet.take(encode(statement), fleet.tracker)), "acme/tern:beta, which is of another shard"));
  // ... and one without it says nothing of it, not even that it is not there.
  statement.channels.clear();
  REQUIRE(fleet.take(encode(statement), fleet.tracker).ok());
  CHECK_FALSE(statement.speaks_of(beta.model, beta.channel));
  statement.shard = own;
  CHECK(statement.speaks_of(beta.model, beta.channel));
  CHECK(Freshness{}.speaks_of(beta.model, beta.channel));
}

TEST_CASE("shards that do not exist are refused") {
  for (const auto& [index, count] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {0, 1}, {0, 0}, {0, 3}, {2, 2}, {0, 8192}, {0, std::uint64_t{1} << 32}, {std::uint64_t{1} << 32, 2}, {4096, 4096}}) {
    CAPTURE(index);
    CAPTURE(count);
    auto decoded = manifest::decode_freshness(edited(good_freshness(), [&](OrderedJson& json) {
      json["channels"] = OrderedJson::array();
      json["shard"] = {{"index", index}, {"count", count}};
    }));
    REQUIRE_FALSE(decoded.ok());
    CHECK(says(decoded.error().message, "shard"));
  }
}
