// The store adds to a swarm: restarts without hashing, reuse, sources that changed, decay that is repaired.
#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

constexpr std::uint32_t piece = 256 * KiB;

struct Place {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  fs::path source = dir.path() / "source";
  fs::path fetched = dir.path() / "fetched";
  fs::path journal = dir.path() / "journal";
};

/// The first piece of a file whose bytes are those of the source; the file must have one.
std::uint32_t piece_that_is_there(const Place& place, const store::Layout& layout) {
  for (std::uint32_t i = 0; i < layout.piece_count(); ++i) {
    const auto extent = layout.parts(i).front();
    const auto& path = layout.files()[extent.file].path;
    const auto there = must(read_file(place.fetched / path, GiB)), right = must(read_file(place.source / path, GiB));
    if (extent.length == piece && there.substr(extent.offset, piece) == right.substr(extent.offset, piece)) return i;
  }
  throw std::runtime_error("no piece is there");
}

/// Flips a byte and leaves size and times as they were.
void decay(const fs::path& path, std::uintmax_t offset) {
  const auto time = fs::last_write_time(path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  file.close();
  fs::last_write_time(path, time);
}

}  // namespace

TEST_CASE("a node that starts again with its journal serves at once what it has, and fetches the rest") {
  Place place;
  put_checkpoint(place.source, 4, 4'000'000);
  const auto metainfo = published(place.source, piece);
  const InfoHash content = metainfo.info_hash();
  const swarm::Content wanted{metainfo, place.fetched, swarm::Mode::fetch, place.journal};
  auto seeder = std::make_unique<Machine>(place.tracker, place.fleet, Role::seeder, 1, swarm::SwarmOptions{100, 4'000'000, 0});
  REQUIRE(seeder->swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
  ByteCount kept = 0;
  {
    Machine node(place.tracker, place.fleet, Role::node, 2);
    REQUIRE(node.swarm().add(wanted).ok());
    REQUIRE(eventually([&] { return node.progress(content).done > 4'000'000; }));
    kept = node.progress(content).done;
  }
  {
    Machine node(place.tracker, place.fleet, Role::node, 2);
    REQUIRE(node.swarm().add(wanted).ok());
    REQUIRE(node.await<swarm::Completed>());
    CHECK(node.progress(content).from_source <= metainfo.layout().total_size() - kept + 2'000'000);
    CHECK(digests_below(place.fetched) == digests_below(place.source));
  }
  seeder.reset();
  // Complete: nobody else is needed, and others can have it.
  Machine node(place.tracker, place.fleet, Role::node, 2);
  REQUIRE(node.swarm().add(wanted).ok());
  REQUIRE(node.await<swarm::Completed>());
  Machine other(place.tracker, place.fleet, Role::node, 3);
  REQUIRE(other.swarm().add({metainfo, place.dir.path() / "other", swarm::Mode::fetch}).ok());
  REQUIRE(other.await<swarm::Completed>());
  CHECK(digests_below(place.dir.path() / "other") == digests_below(place.source));
}

TEST_CASE("a second version fetches only what the first does not have") {
  Place place;
  put_checkpoint(place.source, 4, 4'000'000);
  const auto first = published(place.source, piece);
  const fs::path next = place.dir.path() / "next";
  fs::copy(place.source, next, fs::copy_options::recursive);
  decay(next / "model-1.safetensors", 1'000'000);
  const auto second = published(next, piece);
  Machine seeder(place.tracker, place.fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({second, next, swarm::Mode::seed}).ok());
  Machine node(place.tracker, place.fleet, Role::node, 2);
  REQUIRE(node.swarm().add({second, place.fetched, swarm::Mode::fetch, place.journal, {{first, place.source}}}).ok());
  REQUIRE(node.await<swarm::Completed>());
  CHECK(digests_below(place.fetched) == digests_below(next));
  const auto progress = node.progress(second.info_hash());
  CHECK(progress.reused == second.layout().total_size() - piece);
  CHECK(progress.from_source + progress.from_peers <= 2 * piece);
}

TEST_CASE("a byte that changed in a source is not sent: the source says so, and others complete the content") {
  Place place;
  put_checkpoint(place.source, 2, 4'000'000);
  const auto metainfo = published(place.source, piece);
  const fs::path spoilt = place.dir.path() / "spoilt";
  fs::copy(place.source, spoilt, fs::copy_options::recursive);
  Machine seeder(place.tracker, place.fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({metainfo, spoilt, swarm::Mode::seed}).ok());
  decay(spoilt / "model-0.safetensors", 2'000'000);
  Machine node(place.tracker, place.fleet, Role::node, 2);
  REQUIRE(node.swarm().add({metainfo, place.fetched, swarm::Mode::fetch}).ok());
  REQUIRE(seeder.await<swarm::Failed>());
  CHECK(seeder.events<swarm::Failed>().front().error.code == ErrorCode::verification);
  CHECK(seeder.events<swarm::Failed>().front().error.message.find("model-0.safetensors") != std::string::npos);
  Machine good(place.tracker, place.fleet, Role::seeder, 3);
  REQUIRE(good.swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
  REQUIRE(node.await<swarm::Completed>(120s));
  CHECK(digests_below(place.fetched) == digests_below(place.source));
  CHECK(node.events<swarm::PeerLied>().empty());
}

TEST_CASE("a node whose disk decays repairs the piece from the swarm when it is asked for it") {
  Place place;
  put_checkpoint(place.source, 2, 4'000'000);
  const auto metainfo = published(place.source, piece);
  const InfoHash content = metainfo.info_hash();
  Machine seeder(place.tracker, place.fleet, Role::seeder, 1, swarm::SwarmOptions{100, 2'000'000, 0});
  REQUIRE(seeder.swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
  const swarm::Content wanted{metainfo, place.fetched, swarm::Mode::fetch, place.journal};
  {
    Machine node(place.tracker, place.fleet, Role::node, 2);
    REQUIRE(node.swarm().add(wanted).ok());
    REQUIRE(node.await<swarm::Completed>(120s));
  }
  decay(place.fetched / "model-1.safetensors", 3'000'000);
  // As after a kill -9: the journal does not know the times of the files, and trusts them.
  Machine node(place.tracker, place.fleet, Role::node, 2);
  REQUIRE(node.swarm().add(wanted).ok());
  Machine other(place.tracker, place.fleet, Role::node, 3);
  REQUIRE(other.swarm().add({metainfo, place.dir.path() / "other", swarm::Mode::fetch}).ok());
  REQUIRE(other.await<swarm::Completed>(120s));
  REQUIRE(eventually([&] { return node.progress(content).complete; }, 60s));
  CHECK(digests_below(place.dir.path() / "other") == digests_below(place.source));
  REQUIRE(eventually([&] { return digests_below(place.fetched) == digests_below(place.source); }, 60s));
  CHECK(other.events<swarm::PeerLied>().empty());
}

TEST_CASE("a piece that decays while the rest is still fetched is fetched again, and nothing has failed") {
  Place place;
  put_checkpoint(place.source, 2, 4'000'000);
  const auto metainfo = published(place.source, piece);
  const InfoHash content = metainfo.info_hash();
  const swarm::Content wanted{metainfo, place.fetched, swarm::Mode::fetch, place.journal};
  {
    Machine seeder(place.tracker, place.fleet, Role::seeder, 1, swarm::SwarmOptions{100, 2'000'000, 0});
    REQUIRE(seeder.swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
    Machine node(place.tracker, place.fleet, Role::node, 2);
    REQUIRE(node.swarm().add(wanted).ok());
    REQUIRE(eventually([&] { return node.progress(content).done > 3'000'000; }));
  }
  const auto extent = metainfo.layout().parts(piece_that_is_there(place, metainfo.layout())).front();
  decay(place.fetched / metainfo.layout().files()[extent.file].path, extent.offset + 1000);
  Machine node(place.tracker, place.fleet, Role::node, 2);
  REQUIRE(node.swarm().add(wanted).ok());
  REQUIRE(eventually([&] { return node.progress(content).done > 0; }));
  const ByteCount kept = node.progress(content).done;
  // Nobody else has anything, so the other asks for the piece.
  Machine other(place.tracker, place.fleet, Role::node, 3);
  REQUIRE(other.swarm().add({metainfo, place.dir.path() / "other", swarm::Mode::fetch}).ok());
  REQUIRE(eventually([&] { return node.progress(content).done == kept - piece; }));
  Machine seeder(place.tracker, place.fleet, Role::seeder, 4);
  REQUIRE(seeder.swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
  REQUIRE(node.await<swarm::Completed>(120s));
  REQUIRE(other.await<swarm::Completed>(120s));
  CHECK(digests_below(place.fetched) == digests_below(place.source));
  CHECK(digests_below(place.dir.path() / "other") == digests_below(place.source));
  CHECK(node.events<swarm::Failed>().empty());
  CHECK(other.events<swarm::PeerLied>().empty());
}

TEST_CASE("a large piece that decays is repaired while two peers ask for all of it, and nothing has failed") {
  constexpr std::uint32_t large = 2 * MiB;
  Place place;
  put_checkpoint(place.source, 2, 8'000'000);
  const auto metainfo = published(place.source, large);
  const InfoHash content = metainfo.info_hash();
  fs::copy(place.source, place.fetched, fs::copy_options::recursive);
  Machine node(place.tracker, place.fleet, Role::node, 2);
  REQUIRE(node.swarm().add({metainfo, place.fetched, swarm::Mode::keep}).ok());
  decay(place.fetched / "model-1.safetensors", 3'000'000);
  std::vector<std::unique_ptr<Machine>> others;
  for (unsigned i = 3; i < 5; ++i) {
    others.push_back(std::make_unique<Machine>(place.tracker, place.fleet, Role::node, i));
    REQUIRE(others.back()->swarm().add({metainfo, place.dir.path() / std::to_string(i), swarm::Mode::fetch}).ok());
  }
  REQUIRE(eventually([&] { return !node.progress(content).complete; }));
  Machine seeder(place.tracker, place.fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
  for (const auto& other : others) {
    REQUIRE(other->await<swarm::Completed>(120s));
    CHECK(other->events<swarm::PeerLied>().empty());
  }
  REQUIRE(node.await<swarm::Completed>());
  CHECK(node.progress(content).complete);
  CHECK(digests_below(place.fetched) == digests_below(place.source));
  CHECK(node.events<swarm::Failed>().empty());
}

TEST_CASE("all of many pieces that decayed are repaired, also those that are found while libtorrent goes through what is there") {
  constexpr std::uint32_t small = 64 * KiB;
  Place place;
  put_checkpoint(place.source, 2, 8'000'000);
  const auto metainfo = published(place.source, small);
  const InfoHash content = metainfo.info_hash();
  fs::copy(place.source, place.fetched, fs::copy_options::recursive);
  Machine seeder(place.tracker, place.fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
  Machine node(place.tracker, place.fleet, Role::node, 2);
  REQUIRE(node.swarm().add({metainfo, place.fetched, swarm::Mode::keep}).ok());
  for (std::uintmax_t at = small / 2; at < 8'000'000; at += 2 * small) decay(place.fetched / "model-0.safetensors", at);
  Machine other(place.tracker, place.fleet, Role::node, 3);
  REQUIRE(other.swarm().add({metainfo, place.dir.path() / "other", swarm::Mode::fetch}).ok());
  REQUIRE(other.await<swarm::Completed>(120s));
  REQUIRE(eventually([&] { return node.progress(content).complete; }, 120s));
  // What nobody asked this machine for is found by the next who asks, or by a scrub.
  Machine third(place.tracker, place.fleet, Role::node, 4);
  seeder.stop_swarm();
  other.stop_swarm();
  REQUIRE(third.swarm().add({metainfo, place.dir.path() / "third", swarm::Mode::fetch}).ok());
  Machine again(place.tracker, place.fleet, Role::seeder, 5);
  REQUIRE(again.swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
  REQUIRE(third.await<swarm::Completed>(120s));
  REQUIRE(eventually([&] { return node.progress(content).complete; }, 120s));
  CHECK(node.events<swarm::Failed>().empty());
}

TEST_CASE("a node that scrubs repairs what decayed before anyone asks for it, and a source that scrubs says what is wrong") {
  Place place;
  put_checkpoint(place.source, 2, 2'000'000);
  const auto metainfo = published(place.source, piece);
  swarm::SwarmOptions scrubbing;
  scrubbing.scrub_rate = 8 * MiB;
  Machine seeder(place.tracker, place.fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({metainfo, place.source, swarm::Mode::seed}).ok());
  const swarm::Content wanted{metainfo, place.fetched, swarm::Mode::fetch, place.journal};
  {
    Machine node(place.tracker, place.fleet, Role::node, 2);
    REQUIRE(node.swarm().add(wanted).ok());
    REQUIRE(node.await<swarm::Completed>(120s));
  }
  const auto right = digests_below(place.source);
  decay(place.fetched / "model-1.safetensors", 1'500'000);
  REQUIRE(digests_below(place.fetched) != right);
  Machine node(place.tracker, place.fleet, Role::node, 2, scrubbing);
  REQUIRE(node.swarm().add(wanted).ok());
  REQUIRE(eventually([&] { return digests_below(place.fetched) == right; }, 60s));
  REQUIRE(node.await<swarm::Completed>());
  CHECK(node.events<swarm::Failed>().empty());
  const fs::path spoilt = place.dir.path() / "spoilt";
  fs::copy(place.source, spoilt, fs::copy_options::recursive);
  decay(spoilt / "model-0.safetensors", 1'000'000);
  Machine source(place.tracker, place.fleet, Role::seeder, 4, scrubbing);
  REQUIRE(source.swarm().add({metainfo, spoilt, swarm::Mode::seed}).ok());
  REQUIRE(source.await<swarm::Failed>());
  CHECK(source.events<swarm::Failed>().front().error.code == ErrorCode::verification);
  CHECK(source.events<swarm::Failed>().front().error.message.find("model-0.safetensors") != std::string::npos);
}
