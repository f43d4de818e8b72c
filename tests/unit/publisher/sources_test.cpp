#include "publisher/sources.hpp"

#include <doctest/doctest.h>

#include "support/publishing_machine.hpp"

namespace shoal::publisher {
namespace {

ReleaseId id_of(char fill) { return test::must(ReleaseId::from_raw(std::string(32, fill))); }

Source sample() {
  return {ModelName::trusted("acme/llama"),
          "/mnt/nas/llama v1",
          "{\"payload\":\"\\u0000\"}",
          std::string("d4:\0\xff\n", 6),
          {{1, 2}, {0xfedc'ba98'7654'3210, 0x8000'0000'0000'0000}},
          {0, -5, 1'700'000'000'123'456'789}};
}

TEST_CASE("a source comes back as it was saved") {
  TempDirectory directory;
  Sources sources(directory.path());
  test::must(sources.save(id_of('b'), sample()));
  Source back = test::must(sources.load(id_of('b')));
  CHECK(back.model == sample().model);
  CHECK(back.root == sample().root);
  CHECK(back.envelope == sample().envelope);
  CHECK(back.metainfo == sample().metainfo);
  CHECK(back.fingerprints == sample().fingerprints);
  CHECK(back.mtimes_ns == sample().mtimes_ns);
}

TEST_CASE("a source without its fingerprints, or with another format of them, is a source without fingerprints") {
  TempDirectory directory;
  Sources sources(directory.path());
  test::must(sources.save(id_of('b'), sample()));
  const fs::path file = directory.path() / "sources" / (id_of('b').hex() + ".pieces");
  testing::write(file, "shoal piece fingerprints 2\n0123456789abcdef");
  CHECK(test::must(sources.load(id_of('b'))).fingerprints.empty());
  fs::remove(file);
  CHECK(test::must(sources.load(id_of('b'))).fingerprints.empty());
}

TEST_CASE("saving again replaces what was known") {
  TempDirectory directory;
  Sources sources(directory.path());
  test::must(sources.save(id_of('b'), sample()));
  Source next = sample();
  next.root = "/elsewhere";
  test::must(sources.save(id_of('b'), next));
  CHECK(test::must(sources.load(id_of('b'))).root == "/elsewhere");
  CHECK(test::must(sources.list()).size() == 1);
}

TEST_CASE("sources are listed in order, and other files are let be") {
  TempDirectory directory;
  Sources sources(directory.path());
  CHECK(test::must(sources.list()).empty());
  for (char fill : {'c', 'a', 'b'}) test::must(sources.save(id_of(fill), sample()));
  testing::write(directory.path() / "sources/notes.json", "{}");
  testing::write(directory.path() / "sources/readme", "");
  CHECK(test::must(sources.list()) == std::vector<ReleaseId>{id_of('a'), id_of('b'), id_of('c')});
}

TEST_CASE("a damaged record is an error that names the file") {
  TempDirectory directory;
  Sources sources(directory.path());
  test::must(sources.save(id_of('a'), sample()));
  fs::path record = directory.path() / "sources" / (id_of('a').hex() + ".json");
  for (const char* text :
       {"", "{", "[]", "{}", R"({"model":"acme","root":"/","envelope":"","mtimes_ns":[]})",
        R"({"model":"a/b","root":"/","envelope":"","mtimes_ns":[1.5]})", R"({"model":"a/b","root":"/","envelope":"","mtimes_ns":["1"]})"}) {
    CAPTURE(text);
    testing::write(record, text);
    auto loaded = sources.load(id_of('a'));
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.error().message.find(record.string()) != std::string::npos);
  }
}

TEST_CASE("a record without its metainfo is an error") {
  TempDirectory directory;
  Sources sources(directory.path());
  test::must(sources.save(id_of('a'), sample()));
  fs::remove(directory.path() / "sources" / (id_of('a').hex() + ".torrent"));
  CHECK_FALSE(sources.load(id_of('a')).ok());
}

}  // namespace
}  // namespace shoal::publisher
