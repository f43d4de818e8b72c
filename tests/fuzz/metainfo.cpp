// A metainfo against its release. The input is the metainfo; the release names its SHA-256, size and info-hash, as a publisher's would who
// signed just these bytes: so all rules behind the first are reached.
#include <memory>

#include "fuzz/fuzz.hpp"
#include "support/published.hpp"

using namespace shoal;

namespace {

constexpr std::uint32_t piece_length = 16 * 1024;

struct Published {
  test::Publisher publisher;
  manifest::Release release;
  std::string metainfo;

  Published() {
    TempDirectory directory;
    test::put_file(directory.path() / "a" / "weights.bin", test::noise(3 * piece_length + 5, 1));
    test::put_file(directory.path() / "b.txt", test::noise(100, 2));
    test::put_file(directory.path() / "empty", "");
    const store::Layout layout(test::must(store::list_tree(directory.path())), piece_length);
    const auto hashes = test::must(store::hash_tree(directory.path(), layout, {}));
    metainfo = test::must(metainfo::make_metainfo(layout, hashes)).bytes;
    release = test::release_of(layout, hashes.files);
  }
};

/// From "d4:info" to the next key of the torrent.
InfoHash info_hash_of(std::string_view text) {
  const std::size_t begin = 7, end = text.find("13:sha256 pieces");
  const bool found = end != std::string_view::npos && end > begin;
  return test::must(InfoHash::from_raw(crypto::sha1(found ? text.substr(begin, end - begin) : "").view()));
}

Result<metainfo::CheckedMetainfo> check(const Published& published, std::string_view text) {
  manifest::Release release = published.release;
  release.swarm = test::swarm_of(std::string(text), info_hash_of(text), piece_length);
  return metainfo::CheckedMetainfo::check(published.publisher.verified(release), std::string(text));
}

const Published& published() {
  static const Published value;
  static const bool accepted = check(value, value.metainfo).ok();
  SHOAL_FUZZ_REQUIRE(accepted);
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (text.empty()) return 0;  // a release names no empty metainfo
  const Published& good = published();
  const auto checked = check(good, text);
  if (!checked.ok()) {
    SHOAL_FUZZ_REQUIRE(checked.error().code == ErrorCode::verification);
    return 0;
  }
  // What is accepted differs from what was published in digests of pieces alone.
  SHOAL_FUZZ_REQUIRE(checked->bytes() == text && (checked->proof() ? size == good.metainfo.size() : size < good.metainfo.size()));
  SHOAL_FUZZ_REQUIRE(checked->layout().files().size() == good.release.files.size());
  SHOAL_FUZZ_REQUIRE(checked->piece_sha256().size() == checked->layout().piece_count());
  for (std::size_t i = 0; i < good.release.files.size(); ++i) SHOAL_FUZZ_REQUIRE(checked->file_sha256()[i] == good.release.files[i].sha256);
  SHOAL_FUZZ_REQUIRE(!store::contradiction(checked->layout(), checked->file_sha256(), checked->piece_sha256()));
  return 0;
}
