#include "publisher/survey.hpp"

#include <doctest/doctest.h>

#include "support/publishing_machine.hpp"

namespace shoal::publisher {
namespace {

using testing::write;

/// One bf16 tensor of `count` parameters.
std::string safetensors(std::uint64_t count) {
  std::string header = R"({"w":{"dtype":"BF16","shape":[)" + std::to_string(count) + R"(],"data_offsets":[0,)";
  header += std::to_string(count * 2) + "]}}";
  std::string bytes;
  for (std::uint64_t length = header.size(), i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i));
  return bytes + header + std::string(count * 2, 'x');
}

void check_refused(const fs::path& source, std::string_view part) {
  auto result = survey(source);
  REQUIRE_FALSE(result.ok());
  CAPTURE(result.error().message);
  CHECK(result.error().code == ErrorCode::usage);
  CHECK(result.error().message.find(part) != std::string::npos);
}

TEST_CASE("a survey lists files and sums up their weights") {
  TempDirectory directory;
  write(directory.path() / "config.json", "{}");
  write(directory.path() / "model-1.safetensors", safetensors(10));
  write(directory.path() / "model-2.safetensors", safetensors(32));
  Survey result = test::must(survey(directory.path()));
  CHECK(result.files.size() == 3);
  CHECK(result.stamps.size() == 3);
  CHECK(result.format.kind == "safetensors");
  CHECK(result.format.tensors == 2);
  CHECK(result.format.parameters == 42);
  CHECK(result.format.bytes_per_dtype.at("BF16") == 84);
}

TEST_CASE("the root of a survey does not depend on links that may be moved later") {
  TempDirectory directory;
  write(directory.path() / "v1/a", "1");
  fs::create_directory_symlink("v1", directory.path() / "current");
  CHECK(test::must(survey(directory.path() / "current")).root == fs::canonical(directory.path() / "v1"));
}

TEST_CASE("what cannot be published is refused with its name") {
  TempDirectory directory;
  fs::path root = directory.path() / "source";
  fs::create_directory(root);
  SUBCASE("nothing there") { check_refused(directory.path() / "missing", "missing does not exist"); }
  SUBCASE("an empty directory") { check_refused(root, "holds no files"); }
  SUBCASE("only empty files") {
    write(root / "a", "");
    check_refused(root, "only empty files");
  }
  SUBCASE("a symlink") {
    write(root / "a", "1");
    fs::create_symlink("a", root / "b");
    check_refused(root, "b is a symbolic link");
  }
  SUBCASE("names that differ in case alone") {
    write(root / "Model.bin", "1");
    write(root / "model.bin", "1");
    check_refused(root, "odel.bin");
  }
  SUBCASE("a control character in a name") {
    write(root / "a\nb", "1");
    check_refused(root, "a?b");
  }
  SUBCASE("a name that is not UTF-8") {
    write(root / "a\xff", "1");
    check_refused(root, "a?");
  }
  SUBCASE("a backslash in a name") {
    write(root / "a\\b", "1");
    check_refused(root, "a\\b");
  }
  SUBCASE("a cut safetensors file") {
    write(root / "m.safetensors", safetensors(10).substr(0, 70));
    check_refused(root, "m.safetensors");
  }
  SUBCASE("a shard that the index names and nobody has") {
    write(root / "model.safetensors.index.json", R"({"metadata":{},"weight_map":{"w":"model-1.safetensors","v":"model-2.safetensors"}})");
    write(root / "model-1.safetensors", safetensors(10));
    check_refused(root, "model-2.safetensors");
  }
}

TEST_CASE("a tree that changed since the survey is noticed") {
  TempDirectory directory;
  write(directory.path() / "a", "1");
  write(directory.path() / "d/b", "22");
  fs::last_write_time(directory.path() / "a", fs::file_time_type::clock::now() - std::chrono::hours(1));
  Survey before = test::must(survey(directory.path()));
  CHECK(check_unchanged(before).ok());
  SUBCASE("a new file") { write(directory.path() / "c", "1"); }
  SUBCASE("a file less") { fs::remove(directory.path() / "d/b"); }
  SUBCASE("another size") { write(directory.path() / "a", "12"); }
  SUBCASE("another content of the same size") { write(directory.path() / "a", "2"); }
  CHECK_FALSE(check_unchanged(before).ok());
}

}  // namespace
}  // namespace shoal::publisher
