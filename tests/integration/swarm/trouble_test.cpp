// Liars, full disks, sources that must not be touched, and what is left behind.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "doctest/doctest.h"
#include "machines.hpp"

using namespace shoal;
using namespace shoal::test;
using identity::Role;

namespace {

constexpr std::uint32_t piece = 256 * KiB;

/// A tmpfs of a given size; none where the test may not mount.
class SmallDisk {
 public:
  SmallDisk(const fs::path& path, const std::string& size) : path_(path) {
    fs::create_directories(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, ("size=" + size).c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  fs::path path_;
  bool mounted_ = false;
};

struct Footprint {
  std::map<std::string, std::tuple<off_t, long, long, long, mode_t>> files;  // size, mtime, mtime ns, inode, mode
  bool operator==(const Footprint&) const = default;
};

Footprint footprint_of(const fs::path& root) {
  Footprint footprint;
  auto add = [&](const fs::path& path) {
    struct stat info {};
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    footprint.files[path.string()] = {info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec, static_cast<long>(info.st_ino),
                                      info.st_mode};
  };
  add(root);
  for (const auto& entry : fs::recursive_directory_iterator(root)) add(entry.path());
  return footprint;
}

/// A metainfo of the same content, by whose SHA-256 list the bytes below `bad` are right: who has it believes in what it sends.
metainfo::CheckedMetainfo forged(const fs::path& good, const fs::path& bad) {
  const store::Layout layout(must(store::list_tree(good)), piece);
  auto hashes = must(store::hash_tree(good, layout, {}));
  const auto wrong = must(store::hash_tree(bad, layout, {}));
  for (std::size_t i = 0; i < hashes.pieces.size(); ++i) hashes.pieces[i].sha256 = wrong.pieces[i].sha256;
  const auto metainfo = must(metainfo::make_metainfo(layout, hashes));
  auto release = release_of(layout, hashes.files);
  release.swarm = swarm_of(metainfo.bytes, metainfo.info_hash, piece);
  return must(metainfo::CheckedMetainfo::check(Publisher().verified(release), metainfo.bytes));
}

}  // namespace

TEST_CASE("a peer that serves a corrupted file is named and cut, and the download completes from another") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_checkpoint(dir.path() / "good", 2, 4'000'000);
  const auto metainfo = published(dir.path() / "good", piece);
  fs::copy(dir.path() / "good", dir.path() / "bad", fs::copy_options::recursive);
  put_file(dir.path() / "bad/model-0.safetensors", noise(4'000'000, 666));
  put_file(dir.path() / "bad/model-1.safetensors", noise(4'000'000, 667));

  Machine liar(tracker, fleet, Role::node, 1);
  REQUIRE(liar.swarm().add({forged(dir.path() / "good", dir.path() / "bad"), dir.path() / "bad", swarm::Mode::seed}).ok());
  Machine node(tracker, fleet, Role::node, 2);
  REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::fetch}).ok());
  REQUIRE(node.await<swarm::PeerLied>());
  CHECK(node.events<swarm::PeerLied>().front().peer == liar.id());
  CHECK(node.events<swarm::PeerLied>().front().content == metainfo.info_hash());
  CHECK(eventually([&] { return node.progress(metainfo.info_hash()).peers == 0; }));

  Machine honest(tracker, fleet, Role::seeder, 3);
  REQUIRE(honest.swarm().add({metainfo, dir.path() / "good", swarm::Mode::seed}).ok());
  REQUIRE(node.await<swarm::Completed>());
  CHECK(digests_below(dir.path() / "fetched") == digests_below(dir.path() / "good"));
  // The last source is not banned, so it may lie once more until another is there; then it is, and its links stay ended.
  const auto lies = node.events<swarm::PeerLied>();
  CHECK(lies.size() <= 2);
  CHECK(std::all_of(lies.begin(), lies.end(), [&](const swarm::PeerLied& lie) { return lie.peer == liar.id(); }));
  for (const auto& link : node.mesh().links())
    if (link.peer == liar.id()) CHECK(link.links == 0);
}

TEST_CASE("a peer that lies among honest ones is found out") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_checkpoint(dir.path() / "good", 4, 4'000'000);
  const auto metainfo = published(dir.path() / "good", piece);
  fs::copy(dir.path() / "good", dir.path() / "bad", fs::copy_options::recursive);
  for (int i = 0; i < 4; ++i) put_file(dir.path() / ("bad/model-" + std::to_string(i) + ".safetensors"), noise(4'000'000, 666));

  swarm::SwarmOptions slow{100, 3'000'000, 0};
  Machine liar(tracker, fleet, Role::node, 1);
  Machine honest(tracker, fleet, Role::seeder, 2, slow);
  Machine helper(tracker, fleet, Role::node, 3, slow);
  REQUIRE(liar.swarm().add({forged(dir.path() / "good", dir.path() / "bad"), dir.path() / "bad", swarm::Mode::seed}).ok());
  REQUIRE(honest.swarm().add({metainfo, dir.path() / "good", swarm::Mode::seed}).ok());
  REQUIRE(helper.swarm().add({metainfo, dir.path() / "good", swarm::Mode::seed}).ok());
  Machine node(tracker, fleet, Role::node, 4);
  REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::fetch}).ok());
  REQUIRE(node.await<swarm::Completed>(120s));
  CHECK(digests_below(dir.path() / "fetched") == digests_below(dir.path() / "good"));
  CHECK_FALSE(node.events<swarm::PeerLied>().empty());
  for (const auto& lied : node.events<swarm::PeerLied>()) CHECK(lied.peer == liar.id());
}

TEST_CASE("a disk without room for the content refuses it with no_space, before a byte is fetched") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  const SmallDisk disk(dir.path() / "disk", "4m");
  if (!disk.mounted()) {
    MESSAGE("skipped: mounting a small tmpfs needs root");
    return;
  }
  put_checkpoint(dir.path() / "source", 2, 4'000'000);
  const auto metainfo = published(dir.path() / "source", piece);
  Machine seeder(tracker, fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({metainfo, dir.path() / "source", swarm::Mode::seed}).ok());
  Machine node(tracker, fleet, Role::node, 2);
  Status added = node.swarm().add({metainfo, dir.path() / "disk/place", swarm::Mode::fetch});
  REQUIRE_FALSE(added.ok());
  CHECK(added.error().code == ErrorCode::no_space);
  CHECK(added.error().message.find("disk/place") != std::string::npos);
  CHECK_FALSE(node.swarm().progress(metainfo.info_hash()));
  CHECK(descriptors_below(dir.path() / "disk") == 0);
}

TEST_CASE("a place that is no directory refuses the fetch at once, and the content may go elsewhere") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_checkpoint(dir.path() / "source", 1, 100'000);
  const auto metainfo = published(dir.path() / "source", piece);
  put_file(dir.path() / "taken", "a file");
  Machine node(tracker, fleet, Role::node, 2);
  Status added = node.swarm().add({metainfo, dir.path() / "taken", swarm::Mode::fetch});
  REQUIRE_FALSE(added.ok());
  CHECK(added.error().message.find("taken") != std::string::npos);
  CHECK_FALSE(node.swarm().progress(metainfo.info_hash()));
  CHECK(node.swarm().add({metainfo, dir.path() / "other", swarm::Mode::fetch}).ok());
}

TEST_CASE("a source is served without a trace on it") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  const fs::path source = dir.path() / "source";
  put_checkpoint(source, 2, 2'000'000);
  const auto metainfo = published(source, piece);
  const auto before = footprint_of(source);
  Machine seeder(tracker, fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({metainfo, source, swarm::Mode::seed}).ok());
  Machine node(tracker, fleet, Role::node, 2);
  REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::fetch}).ok());
  REQUIRE(node.await<swarm::Completed>());
  CHECK(footprint_of(source) == before);
  seeder.swarm().remove(metainfo.info_hash());
  CHECK(footprint_of(source) == before);
}

TEST_CASE("a read-only source is served") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_checkpoint(dir.path() / "source", 1, 2'000'000);
  const auto metainfo = published(dir.path() / "source", piece);
  SmallDisk mount(dir.path() / "mount", "1m");
  if (!mount.mounted()) {
    MESSAGE("skipped: a read-only mount needs root");
    return;
  }
  REQUIRE(::mount((dir.path() / "source").c_str(), (dir.path() / "mount").c_str(), nullptr, MS_BIND, nullptr) == 0);
  REQUIRE(::mount(nullptr, (dir.path() / "mount").c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  {
    Machine seeder(tracker, fleet, Role::seeder, 1);
    REQUIRE(seeder.swarm().add({metainfo, dir.path() / "mount", swarm::Mode::seed}).ok());
    Machine node(tracker, fleet, Role::node, 2);
    REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::fetch}).ok());
    CHECK(node.await<swarm::Completed>());
  }
  CHECK(::umount2((dir.path() / "mount").c_str(), MNT_DETACH) == 0);
}

TEST_CASE("a source whose files are not as they were published is refused") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_checkpoint(dir.path() / "source", 1, 100'000);
  const auto metainfo = published(dir.path() / "source", piece);
  fs::resize_file(dir.path() / "source/model-0.safetensors", 200'000);
  Machine seeder(tracker, fleet, Role::seeder, 1);
  Status added = seeder.swarm().add({metainfo, dir.path() / "source", swarm::Mode::seed});
  REQUIRE_FALSE(added.ok());
  CHECK(added.error().code == ErrorCode::verification);
  CHECK(fs::file_size(dir.path() / "source/model-0.safetensors") == 200'000);
}

TEST_CASE("a source that is cut short while it is served is not written to, and serving goes on when it is whole again") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  const fs::path file = dir.path() / "source/model-0.safetensors";
  put_checkpoint(dir.path() / "source", 1, 2'000'000);
  const auto metainfo = published(dir.path() / "source", piece);
  Machine seeder(tracker, fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({metainfo, dir.path() / "source", swarm::Mode::seed}).ok());
  fs::resize_file(file, 10);
  Machine node(tracker, fleet, Role::node, 2);
  REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::fetch}).ok());
  REQUIRE(eventually([&] { return node.progress(metainfo.info_hash()).done > 0; }));
  CHECK(fs::file_size(file) == 10);
  put_file(file, noise(2'000'000, 1));
  REQUIRE(node.await<swarm::Completed>(120s));
  CHECK(digests_below(dir.path() / "fetched") == digests_below(dir.path() / "source"));
}

TEST_CASE("remove closes every file, says goodbye, and the content can come back") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_checkpoint(dir.path() / "source", 3, 1'000'000);
  const auto metainfo = published(dir.path() / "source", piece);
  const InfoHash content = metainfo.info_hash();
  Machine seeder(tracker, fleet, Role::seeder, 1);
  REQUIRE(seeder.swarm().add({metainfo, dir.path() / "source", swarm::Mode::seed}).ok());
  Machine node(tracker, fleet, Role::node, 2);
  REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::fetch}).ok());
  REQUIRE(node.await<swarm::Completed>());
  seeder.swarm().remove(content);
  node.swarm().remove(content);
  CHECK(descriptors_below(dir.path()) == 0);
  CHECK_FALSE(seeder.swarm().progress(content));
  CHECK(eventually([&] { return tracker.saw(seeder.id(), "stopped") && tracker.saw(node.id(), "stopped"); }));
  CHECK(digests_below(dir.path() / "fetched") == digests_below(dir.path() / "source"));
  seeder.swarm().remove(content);  // nothing happens

  REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::seed}).ok());
  Machine third(tracker, fleet, Role::node, 3);
  REQUIRE(third.swarm().add({metainfo, dir.path() / "third", swarm::Mode::fetch}).ok());
  REQUIRE(third.await<swarm::Completed>());
  CHECK(third.progress(content).from_peers >= metainfo.layout().total_size());
  CHECK(third.progress(content).from_source == 0);
}

TEST_CASE("a fetch is removed while it runs and leaves no descriptor") {
  FakeTracker tracker;
  TestFleet fleet;
  TempDirectory dir;
  put_checkpoint(dir.path() / "source", 2, 8'000'000);
  const auto metainfo = published(dir.path() / "source", piece);
  Machine seeder(tracker, fleet, Role::seeder, 1, {100, 2'000'000, 0});
  REQUIRE(seeder.swarm().add({metainfo, dir.path() / "source", swarm::Mode::seed}).ok());
  Machine node(tracker, fleet, Role::node, 2);
  REQUIRE(node.swarm().add({metainfo, dir.path() / "fetched", swarm::Mode::fetch}).ok());
  REQUIRE(eventually([&] { return node.progress(metainfo.info_hash()).done > 1'000'000; }));
  node.swarm().remove(metainfo.info_hash());
  CHECK(descriptors_below(dir.path() / "fetched") == 0);
  CHECK(node.events<swarm::Completed>().empty());
  CHECK(node.events<swarm::Failed>().empty());
}
