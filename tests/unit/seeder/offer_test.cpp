#include "seeder/offer.hpp"

#include <doctest/doctest.h>

#include "support/publishing_machine.hpp"

namespace shoal::seeder {
namespace {

using publisher::testing::Machine;
using publisher::testing::write;

/// An engine that only notes what it was told.
class NotedSwarm final : public swarm::Swarm {
 public:
  Status add(swarm::Content content) override {
    CHECK(content.mode == swarm::Mode::seed);
    if (!roots.emplace(content.metainfo.info_hash(), content.root).second) return fail(ErrorCode::conflict, "there already");
    return {};
  }
  void remove(const InfoHash& content) override { CHECK(roots.erase(content) == 1); }
  std::optional<swarm::Progress> progress(const InfoHash&) const override { return std::nullopt; }
  void open_gate(const InfoHash&) override {}
  void look_at_gate(const InfoHash&) override {}
  void hurry(const InfoHash&, const std::vector<std::uint32_t>&) override {}
  std::vector<bool> pieces(const InfoHash&) const override { return {}; }
  swarm::Totals totals() const override { return {}; }
  void set_limits(ByteCount, ByteCount) override {}
  std::string announce_problem(const InfoHash&) const override { return ""; }

  std::map<InfoHash, fs::path> roots;
};

/// A machine that published one checkpoint, and what it offers.
struct Shop {
  Shop() : offer(machine.session(), swarm, machine.out()) {
    write(source("a") / "weights.bin", std::string(1000, 'w'));
    fs::last_write_time(source("a") / "weights.bin", fs::file_time_type::clock::now() - std::chrono::hours(1));
    report = test::must(machine.publish(source("a")));
  }
  fs::path source(const std::string& name) const { return directory.path() / name; }
  fs::path weights() const { return source("a") / "weights.bin"; }
  void refresh_later() {
    machine.clock().advance(std::chrono::minutes(1));
    offer.refresh({});
  }

  TempDirectory directory;
  Machine machine;
  NotedSwarm swarm;
  Offer offer;
  publisher::PublishReport report;
};

TEST_CASE("what was published is served from where it is") {
  Shop shop;
  shop.offer.refresh({});
  REQUIRE(shop.swarm.roots.size() == 1);
  CHECK(shop.swarm.roots.at(shop.report.info_hash) == fs::canonical(shop.source("a")));
  CHECK(shop.offer.releases() == 1);
  shop.refresh_later();
  CHECK(shop.swarm.roots.size() == 1);
}

TEST_CASE("what is published later is taken up, what is removed is dropped") {
  Shop shop;
  shop.offer.refresh({});
  write(shop.source("b") / "weights.bin", std::string(1000, 'x'));
  publisher::PublishReport second = test::must(shop.machine.publish(shop.source("b"), "2.0"));
  shop.offer.refresh({});
  CHECK(shop.swarm.roots.contains(second.info_hash));
  fs::remove(shop.machine.state() / "sources" / (shop.report.id.hex() + ".json"));
  shop.offer.refresh({});
  CHECK(shop.swarm.roots.size() == 1);
  CHECK(shop.offer.releases() == 1);
}

TEST_CASE("a source with a missing or a short file is not served, and comes back when it is whole") {
  Shop shop;
  std::string bytes = test::must(read_file(shop.weights(), 1 * MiB));
  SUBCASE("missing from the start") { fs::remove(shop.weights()); }
  SUBCASE("short from the start") { fs::resize_file(shop.weights(), 999); }
  SUBCASE("missing later") {
    shop.offer.refresh({});
    fs::remove(shop.weights());
  }
  shop.refresh_later();
  CHECK(shop.swarm.roots.empty());
  CHECK(shop.offer.releases() == 0);
  write(shop.weights(), bytes);
  shop.refresh_later();
  CHECK(shop.swarm.roots.size() == 1);
}

TEST_CASE("a file that was written since is hashed again before it is served") {
  Shop shop;
  shop.offer.refresh({});
  SUBCASE("with the same content it is served on") {
    write(shop.weights(), std::string(1000, 'w'));
    shop.refresh_later();
    CHECK(shop.swarm.roots.size() == 1);
    // The new time is remembered: the next look need not hash.
    publisher::Source source = test::must(publisher::Sources(shop.machine.state()).load(shop.report.id));
    auto envelope = test::must(manifest::SignedEnvelope::decode(source.envelope, manifest::release_limit));
    auto release = test::must(manifest::decode_release(envelope.payload));
    CHECK(test::must(untouched(source, release.files)));
  }
  SUBCASE("with other content of the same size it is not") {
    write(shop.weights(), std::string(1000, 'v'));
    shop.refresh_later();
    CHECK(shop.swarm.roots.empty());
  }
}

TEST_CASE("a release that does not verify is not served") {
  Shop shop;
  publisher::Sources sources(shop.machine.state());
  publisher::Source source = test::must(sources.load(shop.report.id));
  SUBCASE("signed by a stranger") {
    auto envelope = test::must(manifest::SignedEnvelope::decode(source.envelope, manifest::release_limit));
    source.envelope = manifest::sign(manifest::release_type, envelope.payload, {crypto::PrivateKey::generate()}).encode();
  }
  SUBCASE("with another metainfo") { source.metainfo += "x"; }
  SUBCASE("under another name") { source.model = ModelName::trusted("acme/other"); }
  test::must(sources.save(shop.report.id, source));
  shop.offer.refresh({});
  CHECK(shop.swarm.roots.empty());
}

TEST_CASE("two releases of one content are served once, and each from its own files when the other's go") {
  Shop shop;
  write(shop.source("copy") / "weights.bin", std::string(1000, 'w'));
  publisher::PublishReport second = test::must(shop.machine.publish(shop.source("copy"), "2.0"));
  REQUIRE(second.info_hash == shop.report.info_hash);
  shop.offer.refresh({});
  CHECK(shop.offer.releases() == 2);
  REQUIRE(shop.swarm.roots.size() == 1);
  fs::path served = shop.swarm.roots.begin()->second;
  fs::remove(served / "weights.bin");
  shop.refresh_later();
  shop.refresh_later();
  REQUIRE(shop.swarm.roots.size() == 1);
  CHECK(shop.swarm.roots.begin()->second != served);
  CHECK(shop.offer.releases() == 1);
}

TEST_CASE("content that the engine gave up is tried again later, not at once") {
  Shop shop;
  shop.offer.refresh({});
  shop.offer.failed(shop.report.info_hash, fail("input/output error"));
  CHECK(shop.swarm.roots.empty());
  shop.offer.refresh({});
  CHECK(shop.swarm.roots.empty());
  shop.refresh_later();
  CHECK(shop.swarm.roots.size() == 1);
}

TEST_CASE("a source with bytes that are wrong goes on serving those that are right") {
  Shop shop;
  shop.offer.refresh({});
  shop.offer.failed(shop.report.info_hash,
                    fail(ErrorCode::verification, "weights.bin: the bytes from 0 on are not those that were published"));
  CHECK(shop.swarm.roots.size() == 1);
  CHECK(shop.offer.releases() == 1);
}

}  // namespace
}  // namespace shoal::seeder
