#include "manifest/model_format.hpp"

#include <doctest/doctest.h>

#include <map>

#include "manifest/pointers.hpp"

namespace shoal::manifest {
namespace {

using Names = std::vector<std::string>;

std::string missing(const Names& paths) {
  Status complete = check_numbered_parts(paths);
  if (complete.ok()) return "";
  CHECK(complete.error().code == ErrorCode::usage);
  return complete.error().message.substr(0, complete.error().message.find(" is missing"));
}

TEST_CASE("a part that is missing is found by the numbers in the names, in the way of any tool") {
  CHECK(missing({"model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"}) == "model-00002-of-00003.safetensors");
  CHECK(missing({"a/model.fp16-00001-of-00002.safetensors"}) == "a/model.fp16-00002-of-00002.safetensors");
  CHECK(missing({"pytorch_model-00002-of-00002.bin"}) == "pytorch_model-00001-of-00002.bin");
  CHECK(missing({"x-00001-of-00002.gguf"}) == "x-00002-of-00002.gguf");
  CHECK(missing({"variables/variables.data-00000-of-00002"}) == "variables/variables.data-00001-of-00002");
  CHECK(missing({"llama.gguf.part2of3", "llama.gguf.part3of3"}) == "llama.gguf.part1of3");
  CHECK(missing({"consolidated.00.pth", "consolidated.02.pth"}) == "consolidated.01.pth");
  CHECK(missing({"o/consolidated.01.pth"}) == "o/consolidated.00.pth");
}

TEST_CASE("names that are complete, or that only look like parts, are taken") {
  for (const Names& paths :
       {Names{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}, Names{"variables.data-00000-of-00001"},
        Names{"consolidated.00.pth", "consolidated.01.pth"}, Names{"model-00001-of-00001.safetensors"}, Names{"checkpoint-500.json"},
        Names{"best-3-of-0.txt"}, Names{"top-9-of-5.txt"}, Names{"version2of3.txt"}, Names{"2-of-3"}, Names{"x-1-of-999999.txt"}})
    CHECK(missing(paths).empty());
}

/// Little-endian.
std::string bytes_of(std::uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string text(const std::string& value) { return bytes_of(value.size(), 8) + value; }

std::string gguf(std::uint64_t no, std::uint64_t count) {
  return "GGUF" + bytes_of(3, 4) + bytes_of(0, 8) + bytes_of(3, 8) + text("general.name") + bytes_of(8, 4) + text("m") + text("split.no") +
         bytes_of(2, 4) + bytes_of(no, 2) + text("split.count") + bytes_of(2, 4) + bytes_of(count, 2);
}

std::string verdict(const std::map<std::string, std::string>& content) {
  std::vector<FileEntry> files;
  for (const auto& [path, bytes] : content) files.push_back({path, bytes.size(), {}});
  auto read = [&](const std::string& path, ByteCount offset, ByteCount length) -> Result<std::string> {
    return content.at(path).substr(offset, length);
  };
  Status complete = check_complete(files, read);
  return complete.ok() ? "" : complete.error().message;
}

TEST_CASE("the header of a split GGUF file tells of its parts, whatever their names") {
  CHECK(
      verdict({{"a.gguf", gguf(0, 3)}, {"c.gguf", gguf(2, 3)}}).starts_with("part 2 of 3 is missing, of which the header of a.gguf tells"));
  CHECK(verdict({{"a.gguf", gguf(0, 2)}, {"b.gguf", gguf(1, 2)}, {"whole.gguf", gguf(0, 1)}, {"d/x.gguf", "GGUF"}}).empty());
  auto cut = split_of_gguf(gguf(0, 2).substr(0, 40), 4096);
  REQUIRE_FALSE(cut.ok());
  CHECK(cut.error().code == ErrorCode::partial);
}

TEST_CASE("the index of a variant tells of its shards, and JSON that is no index tells nothing") {
  const std::string index = R"({"weight_map": {"x": "a.fp16.safetensors", "y": "b.fp16.safetensors"}})";
  for (const char* name : {"model.safetensors.index.fp16.json", "pytorch_model.bin.index.json", "tf_model.h5.index.json"})
    CHECK(verdict({{name, index}, {"a.fp16.safetensors", "1"}}).find("b.fp16.safetensors") != std::string::npos);
  CHECK(verdict({{"d/some.index.json", R"({"a": 1})"}, {"other.index.json", "[]"}, {"broken.index.json", "{"}}).empty());
}

TEST_CASE("pointers are recognised by how they begin, and only while they are small") {
  CHECK(pointer_problem("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", 60).find("git lfs pull") !=
        std::string::npos);
  CHECK(pointer_problem("/annex/objects/SHA256E-s10--00.bin\n", 40).find("git annex get") != std::string::npos);
  CHECK(pointer_problem("# xet version 0\n", 40).find("Xet") != std::string::npos);
  CHECK(pointer_problem("version https://git-lfs.github.com/spec/v1\n", 5000).empty());
  CHECK(pointer_problem("{}", 2).empty());
  CHECK(pointer_problem("", 0).empty());
}

}  // namespace
}  // namespace shoal::manifest
