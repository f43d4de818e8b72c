#include "node/huggingface_cache.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.hpp"
#include "manifest/model_signing.hpp"
#include "node/admission.hpp"
#include "support/published.hpp"

using namespace shoal;
using namespace shoal::node;
using namespace std::string_literals;
using Files = std::map<std::string, std::string>;

namespace {

/// A release in a directory, as `pull` leaves it.
struct Held {
  manifest::VerifiedRelease release;
  fs::path directory;
};

struct Machine {
  TempDirectory directory;
  test::Publisher publisher;
  fs::path root = directory.path() / "hub";
  fs::path repo = root / "models--acme--tiny";
  HuggingFaceCache cache = test::must(HuggingFaceCache::open(root, directory.path()));

  Held hold(const std::string& version, const Files& files, bool signature = false) {
    fs::path at = directory.path() / "releases" / version;
    for (const auto& [path, content] : files) test::put_file(at / path, content);
    const store::Layout layout(test::must(store::list_tree(at)), 16 * 1024);
    const auto hashes = test::must(store::hash_tree(at, layout, {}));
    const auto metainfo = test::must(metainfo::make_metainfo(layout, hashes));
    auto release = test::release_of(layout, hashes.files);
    release.version = VersionName::trusted(version);
    release.swarm = test::swarm_of(metainfo.bytes, metainfo.info_hash, 16 * 1024);
    if (signature) release.model_signature = test::must(manifest::sign_model(release, crypto::PrivateKey::generate()));
    Held held{publisher.verified(release), at};
    test::must(write_model_signature(held.release, at));
    return held;
  }

  void add(const Held& held) { test::must(cache.add(held.release, held.directory)); }
  void point(const Held& held, const char* channel = "main") {
    test::must(cache.point(held.release->model, ChannelName::trusted(channel), held.release.id()));
  }
  void remove(const Held& held) { test::must(cache.remove(held.release->model, held.release.id())); }
  fs::path snapshot(const Held& held) const { return repo / "snapshots" / held.release.id().hex().substr(0, 40); }
};

std::string content(const fs::path& path) { return test::must(read_file(path, MiB)); }

bool same_inode(const fs::path& a, const fs::path& b) {
  struct stat first {
  }, second{};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 && first.st_ino == second.st_ino;
}

/// Every name below, with what a link points at; the same listing means that nothing was touched.
std::map<std::string, std::string> listing(const fs::path& root) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    struct stat info {};
    ::lstat(entry.path().c_str(), &info);
    found[fs::relative(entry.path(), root).string()] =
        entry.is_symlink() ? fs::read_symlink(entry.path()).string() : std::to_string(info.st_size);
  }
  return found;
}

const Files small{{"config.json", "{}"}, {"deep/er/table.bin", "12345"}, {"empty", ""}};

}  // namespace

TEST_CASE("a release is found by the channel's name, through relative links, in the files of the release itself") {
  Machine machine;
  Held held = machine.hold("1", small);
  machine.add(held);
  machine.point(held);
  CHECK(content(machine.repo / "refs" / "main") == held.release.id().hex().substr(0, 40));
  for (const auto& [path, text] : small) {
    CHECK(content(machine.snapshot(held) / path) == text);
    CHECK(same_inode(machine.snapshot(held) / path, held.directory / path));
  }
  CHECK(fs::read_symlink(machine.snapshot(held) / "config.json") == "../../blobs/" + crypto::sha256("{}").hex());
  CHECK(fs::read_symlink(machine.snapshot(held) / "deep/er/table.bin") == "../../../../blobs/" + crypto::sha256("12345").hex());
  CHECK(content(machine.root / "CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
}

TEST_CASE("nothing is found by a channel before the switch") {
  Machine machine;
  machine.add(machine.hold("1", small));
  CHECK(fs::is_empty(machine.repo / "refs"));
}

TEST_CASE("a cache that is moved with its directory still works, because its links are relative") {
  Machine machine;
  Held held = machine.hold("1", small);
  machine.add(held);
  fs::rename(machine.root, machine.directory.path() / "moved");
  CHECK(content(machine.directory.path() / "moved" / fs::relative(machine.snapshot(held), machine.root) / "deep/er/table.bin") == "12345");
}

TEST_CASE("the tree lists every file as git-lfs would") {
  Machine machine;
  Held held = machine.hold("1", {{"config.json", "{}"}});
  machine.add(held);
  Json json = Json::parse(content(machine.repo / "trees" / (commit_of(held.release.id()) + ".json")));
  CHECK(json["format_version"] == 1);
  const Json& file = json["files"]["config.json"];
  CHECK(file["size"] == 2);
  CHECK(file["lfs_size"] == 2);
  CHECK(file["lfs_sha256"] == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  // printf 'version https://git-lfs.github.com/spec/v1\noid sha256:44136f...\nsize 2\n' | git hash-object --stdin
  CHECK(file["blob_id"] == "b7069684294129d201f01cc1df16a6b7de65bed1");
}

TEST_CASE("adding and pointing twice changes nothing") {
  Machine machine;
  Held held = machine.hold("1", small);
  machine.add(held);
  machine.point(held);
  const auto before = listing(machine.root);
  machine.add(held);
  machine.point(held);
  auto after = listing(machine.root);
  CHECK(before == after);
}

TEST_CASE("a run that was cut short is completed by the next") {
  Machine machine;
  Held held = machine.hold("1", small);
  machine.add(held);
  const auto whole = listing(machine.root);
  fs::rename(machine.snapshot(held), machine.repo / "staging" / commit_of(held.release.id()));
  fs::remove(machine.repo / "staging" / commit_of(held.release.id()) / "empty");
  fs::remove(machine.repo / "blobs" / crypto::sha256("12345").hex());
  fs::remove_all(machine.repo / "trees");
  machine.add(held);
  CHECK(listing(machine.root) == whole);
}

TEST_CASE("a snapshot that lost a file is made anew") {
  Machine machine;
  Held held = machine.hold("1", small);
  machine.add(held);
  fs::remove(machine.snapshot(held) / "config.json");
  machine.add(held);
  CHECK(content(machine.snapshot(held) / "config.json") == "{}");
}

TEST_CASE("a file that was repaired in the release is replaced in the cache") {
  Machine machine;
  Held held = machine.hold("1", small);
  machine.add(held);
  test::put_file(held.directory / "new", "{}");
  fs::rename(held.directory / "new", held.directory / "config.json");
  CHECK_FALSE(same_inode(machine.snapshot(held) / "config.json", held.directory / "config.json"));
  machine.add(held);
  CHECK(same_inode(machine.snapshot(held) / "config.json", held.directory / "config.json"));
}

TEST_CASE("two versions share the blobs that they have in common, and removing one leaves those of the other") {
  Machine machine;
  Held old = machine.hold("1", {{"config.json", "{}"}, {"weights", "old"}});
  Held current = machine.hold("2", {{"config.json", "{}"}, {"weights", "new"}});
  machine.add(old);
  machine.point(old);
  machine.point(old, "stable");
  machine.add(current);
  machine.point(current);
  CHECK(listing(machine.repo / "blobs").size() == 3);
  machine.remove(old);
  fs::remove_all(old.directory);
  CHECK(listing(machine.repo / "blobs").size() == 2);
  CHECK(content(machine.snapshot(current) / "config.json") == "{}");
  CHECK(content(machine.snapshot(current) / "weights") == "new");
  CHECK_FALSE(fs::exists(machine.snapshot(old)));
  CHECK_FALSE(fs::exists(machine.repo / "refs" / "stable"));
  CHECK(content(machine.repo / "refs" / "main") == commit_of(current.release.id()));
  CHECK(listing(machine.repo / "trees").size() == 1);
}

TEST_CASE("removing the last version leaves nothing of the model, and removing it again is fine") {
  Machine machine;
  Held held = machine.hold("1", small);
  machine.add(held);
  machine.point(held);
  machine.remove(held);
  CHECK_FALSE(fs::exists(machine.repo));
  machine.remove(held);
  CHECK(content(held.directory / "config.json") == "{}");
}

TEST_CASE("what others are downloading into the same cache is not removed") {
  Machine machine;
  Held held = machine.hold("1", small);
  machine.add(held);
  test::put_file(machine.repo / "blobs" / "0123.incomplete", "half");
  machine.remove(held);
  CHECK(listing(machine.repo / "blobs").size() == 1);
}

TEST_CASE("a channel cannot be pointed at what was not added") {
  Machine machine;
  Held held = machine.hold("1", small);
  auto status = machine.cache.point(held.release->model, ChannelName::trusted("main"), held.release.id());
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::not_found);
  machine.add(held);
  CHECK_FALSE(machine.cache.point(held.release->model, ChannelName::trusted(std::string(40, 'a')), held.release.id()).ok());
}

TEST_CASE("model.sig is in the snapshot, too") {
  Machine machine;
  Held held = machine.hold("1", small, true);
  machine.add(held);
  CHECK(content(machine.snapshot(held) / "model.sig") == *manifest::model_signature_bundle(*held.release));
  machine.add(held);
  CHECK(content(machine.snapshot(held) / "model.sig").size() > 100);
}

TEST_CASE("names that readers of the layout refuse are refused with the rule") {
  for (const char* good : {"acme/llama", "acme/Llama-3.1_8b", "a/b", "_x/_y_"})
    CHECK_MESSAGE(check_repository_id(ModelName::trusted(good)).ok(), good);
  for (const std::string& bad :
       {"acme/a--b"s, "acme/a..b"s, "acme/tiny.git"s, "acme/tiny-"s, "acme-/tiny"s, "acme/tiny."s, "acme/" + std::string(92, 'a')}) {
    auto status = check_repository_id(ModelName::trusted(bad));
    REQUIRE_MESSAGE(!status.ok(), bad);
    CHECK(status.error().code == ErrorCode::usage);
    CHECK(status.error().message.find(bad) != std::string::npos);
  }
}

TEST_CASE("a cache on another file system is refused, and says why") {
  if (!fs::is_directory("/dev/shm") || !fs::is_directory("/proc/self")) return;
  auto cache = HuggingFaceCache::open("/dev/shm/shoal-test-" + std::to_string(::getpid()), "/proc/self");
  fs::remove_all("/dev/shm/shoal-test-" + std::to_string(::getpid()));
  REQUIRE_FALSE(cache.ok());
  CHECK(cache.error().code == ErrorCode::usage);
  CHECK(cache.error().message.find("hard links") != std::string::npos);
}

TEST_CASE("a version with the name of a channel does not move the channel") {
  Machine machine;
  const Held main = machine.hold("main", {{"config.json", "{}"}}), canary = machine.hold("canary", {{"config.json", "[]"}}),
             other = machine.hold("1.0", {{"config.json", "{ }"}});
  for (const Held* each : {&main, &canary, &other}) machine.add(*each);
  machine.point(other, "canary");
  const auto point = [&](const Held& held) { return machine.cache.point(held.release->model, held.release->version, held.release.id()); };
  const Status taken = point(canary), by_default = point(main);
  REQUIRE_FALSE(taken.ok());
  REQUIRE_FALSE(by_default.ok());
  CHECK(taken.error().code == ErrorCode::conflict);
  CHECK(taken.error().message.find("a channel has this name there") != std::string::npos);
  CHECK(by_default.error().message.find("the channel that readers load by default") != std::string::npos);
  CHECK(content(machine.repo / "refs" / "canary") == commit_of(other.release.id()));
  CHECK_FALSE(fs::exists(machine.repo / "refs" / "main"));
  CHECK(point(other).ok());
  CHECK(point(other).ok());
  CHECK(content(machine.repo / "refs" / "1.0") == commit_of(other.release.id()));
}
