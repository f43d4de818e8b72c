#include "node/shelf.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace shoal;
using namespace shoal::node;

namespace {

ReleaseId id_of(std::uint8_t fill) {
  ReleaseId id;
  id.bytes.fill(fill);
  return id;
}

void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

manifest::ChannelPointer pointer(std::uint64_t sequence) {
  manifest::ChannelPointer made;
  made.model = ModelName::trusted("acme/llama");
  made.channel = ChannelName::trusted("main");
  made.epoch = 1;
  made.sequence = sequence;
  made.release = id_of(7);
  return made;
}

}  // namespace

TEST_CASE("a release is held only after it became visible") {
  TempDirectory directory;
  Shelf shelf(directory.path());
  put(shelf.incoming(id_of(1)) / "deep" / "er" / "w.bin", "weights");
  CHECK_FALSE(shelf.holds(id_of(1)));
  REQUIRE(make_visible(shelf.incoming(id_of(1)), shelf.release(id_of(1))).ok());
  CHECK(shelf.holds(id_of(1)));
  CHECK_FALSE(fs::exists(shelf.incoming(id_of(1))));
  CHECK(*read_file(shelf.release(id_of(1)) / "deep/er/w.bin", KiB) == "weights");
  CHECK(shelf.held()->size() == 1);
}

TEST_CASE("a release is never made visible over another") {
  TempDirectory directory;
  Shelf shelf(directory.path());
  put(shelf.incoming(id_of(1)) / "a", "new");
  put(shelf.release(id_of(1)) / "a", "old");
  CHECK_FALSE(make_visible(shelf.incoming(id_of(1)), shelf.release(id_of(1))).ok());
  CHECK(*read_file(shelf.release(id_of(1)) / "a", KiB) == "old");
}

TEST_CASE("a channel's link moves from one release to the next and always resolves") {
  TempDirectory directory;
  Shelf shelf(directory.path());
  auto reference = *parse_reference("acme/llama:main");
  for (std::uint8_t n : {std::uint8_t{1}, std::uint8_t{2}}) {
    put(shelf.release(id_of(n)) / "a", std::to_string(n));
    REQUIRE(shelf.switch_to(reference, id_of(n)).ok());
    CHECK(*shelf.linked(reference) == id_of(n));
    CHECK(*read_file(shelf.link(reference) / "a", KiB) == std::to_string(n));
  }
}

TEST_CASE("a version and a channel of the same name do not share a link") {
  TempDirectory directory;
  Shelf shelf(directory.path());
  CHECK(shelf.link(*parse_reference("acme/llama@main")) != shelf.link(*parse_reference("acme/llama:main")));
}

TEST_CASE("the highest accepted sequence survives a restart") {
  TempDirectory directory;
  REQUIRE(Shelf(directory.path()).record_seen(pointer(41)).ok());
  auto seen = Shelf(directory.path()).seen(ModelName::trusted("acme/llama"), ChannelName::trusted("main"));
  REQUIRE(seen.ok());
  CHECK(seen->sequence == 41);
  CHECK(seen->epoch == 1);
}

TEST_CASE("a channel that was never seen starts at zero, and a damaged record is an error, not zero") {
  TempDirectory directory;
  Shelf shelf(directory.path());
  auto model = ModelName::trusted("acme/llama");
  auto channel = ChannelName::trusted("main");
  CHECK(shelf.seen(model, channel)->sequence == 0);
  REQUIRE(shelf.record_seen(pointer(3)).ok());
  std::ofstream(directory.path() / "channels/acme/llama/main.json") << "{\"sequence\":";
  CHECK_FALSE(shelf.seen(model, channel).ok());
}

TEST_CASE("manifests are kept for releases that went elsewhere") {
  TempDirectory directory;
  Shelf shelf(directory.path());
  REQUIRE(shelf.save_manifest(id_of(9), "{}", "torrent").ok());
  CHECK(shelf.manifests()->size() == 1);
  CHECK(shelf.held()->empty());
  CHECK(*shelf.metainfo(id_of(9)) == "torrent");
}

TEST_CASE("a second release under a sequence that was accepted before is refused") {
  TempDirectory directory;
  Shelf shelf(directory.path());
  manifest::ChannelPointer first = pointer(5), other = pointer(5), next = pointer(6);
  CHECK(shelf.check_not_another(first).ok());
  REQUIRE(shelf.record_seen(first).ok());
  CHECK(shelf.check_not_another(first).ok());
  other.release = id_of(8);
  next.release = id_of(8);
  CHECK(shelf.check_not_another(other).error().code == ErrorCode::verification);
  CHECK(shelf.check_not_another(next).ok());
}
