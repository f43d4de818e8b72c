#include "node/format_watch.hpp"

#include <doctest/doctest.h>

#include "support/published.hpp"

using namespace shoal;
using namespace shoal::node;

namespace {

constexpr std::uint32_t piece = 64 * 1024;

struct Arriving {
  TempDirectory directory;
  std::vector<manifest::FileEntry> files;
  std::vector<store::LayoutFile> sizes;

  explicit Arriving(const std::map<std::string, std::string>& content) {
    for (const auto& [path, bytes] : content) {
      test::put_file(directory.path() / path, bytes);
      files.push_back({path, bytes.size(), {}});
      sizes.push_back({path, bytes.size()});
    }
  }
};

/// Neither text nor any format that is known.
std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(0x80 + i * 7 % 31);
  return bytes;
}

}  // namespace

TEST_CASE("a file is judged as soon as the pieces that decide are there, and none that is not there is read") {
  const std::string text(5 * piece, 'a');
  Arriving release({{"a.txt", text}, {"b.dat", "cposix\nsystem\n(S'id'\ntR."}, {"empty", ""}});
  const store::Layout layout(release.sizes, piece);
  FormatWatch watch(release.files, layout, release.directory.path());
  std::vector<bool> have(layout.piece_count(), false);
  CHECK(test::must(watch.look({})).empty());
  have[0] = true;
  CHECK(test::must(watch.look(have)).empty());
  have[5] = true;
  auto found = test::must(watch.look(have));
  REQUIRE(found.size() == 1);
  CHECK(found.front().starts_with("b.dat: "));
  CHECK_FALSE(watch.done());
  have.assign(layout.piece_count(), true);
  CHECK(test::must(watch.look(have)).size() == 1);
  CHECK(watch.done());
}

TEST_CASE("binary data of an unknown format is judged while text is under way that can describe no weights") {
  Arriving release({{"a.txt", std::string(5 * piece, 'a')}, {"w.bin", noise(4 * piece)}});
  const store::Layout layout(release.sizes, piece);
  FormatWatch watch(release.files, layout, release.directory.path());
  std::vector<bool> have(layout.piece_count(), false);
  have[5] = have[7] = have[8] = true;
  CHECK(test::must(watch.look(have)).empty());  // the text may be a model yet
  have[0] = have[3] = have[4] = true;
  const auto found = test::must(watch.look(have));
  REQUIRE(found.size() == 1);
  CHECK(found.front().starts_with("w.bin: "));
}

TEST_CASE("binary data is not judged while a file is under way that may describe it") {
  const std::string net =
      R"(<net name="x"><layers><layer><data offset="0" size=")" + std::to_string(4 * piece) + R"("/></layer></layers></net>)";
  Arriving release({{"w.bin", noise(4 * piece)}, {"w.xml", net + std::string(5 * piece, ' ')}});
  const store::Layout layout(release.sizes, piece);
  FormatWatch watch(release.files, layout, release.directory.path());
  std::vector<bool> have(layout.piece_count(), true);
  have[6] = false;
  CHECK(test::must(watch.look(have)).empty());
  have[6] = true;
  CHECK(test::must(watch.look(have)).empty());
  CHECK(watch.done());
}

TEST_CASE("files that share a piece are judged when it is there") {
  Arriving release({{"a.dat", "cposix\nsystem\n(S'id'\ntR."}, {"b.txt", "abc"}, {"w.txt", std::string(2 * piece, 'a')}});
  const store::Layout layout(release.sizes, piece, store::Packing::packed);
  FormatWatch watch(release.files, layout, release.directory.path());
  REQUIRE(layout.piece_count() == 3);
  CHECK(test::must(watch.look({false, true, true})).empty());
  CHECK(test::must(watch.look({true, false, false})).size() == 1);
}
