#include "manifest/model_format.hpp"

#include "doctest/doctest.h"
#include "unit/manifest/samples.hpp"

using namespace shoal;
using manifest::FormatSummary;

namespace {

template <class Number>
std::string le(Number value) {
  std::string out;
  for (std::size_t i = 0; i < sizeof(Number); ++i) out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return out;
}
std::string u32(std::uint32_t value) { return le(value); }
std::string u64(std::uint64_t value) { return le(value); }
std::string text(std::string_view value) { return u64(value.size()) + std::string(value); }

std::string safetensors(const std::string& header, std::size_t data) { return u64(header.size()) + header + std::string(data, 'd'); }

constexpr std::string_view two_tensors =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )";

std::string tensor_info(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type, std::uint64_t offset) {
  std::string out = text(name) + u32(static_cast<std::uint32_t>(shape.size()));
  for (std::uint64_t size : shape) out += u64(size);
  return out + u32(type) + u64(offset);
}

std::string gguf(std::uint64_t tensors, std::uint64_t pairs, const std::string& rest) {
  return "GGUF" + u32(3) + u64(tensors) + u64(pairs) + rest;
}

/// Two tensors, values of every kind, padding and 96 bytes of data.
std::string good_gguf() {
  std::string pairs = text("general.architecture") + u32(8) + text("llama") + text("flag") + u32(7) + std::string(1, '\1') +
                      text("general.alignment") + u32(4) + u32(32) + text("tokens") + u32(9) + u32(8) + u64(2) + text("a") + text("b") +
                      text("scores") + u32(9) + u32(6) + u64(3) + std::string(12, 'f') + text("big") + u32(10) + u64(7);
  std::string infos = tensor_info("token_embd.weight", {32, 2}, 2, 0) + tensor_info("norm", {8}, 0, 64);
  std::string head = gguf(2, 6, pairs + infos);
  head.append((32 - head.size() % 32) % 32, '\0');
  return head + std::string(96, 'd');
}

void refused(const Result<FormatSummary>& summary, const char* says) {
  REQUIRE_FALSE(summary.ok());
  INFO(summary.error().message);
  CHECK(summary.error().message.find(says) != std::string::npos);
  CHECK(summary.error().code == ErrorCode::usage);
}

void refused_tensor(const std::string& tensor, const char* says) {
  INFO(tensor);
  refused(manifest::summarise_safetensors_header("{\"t\":" + tensor + "}", 8), says);
}

/// A checkpoint in memory, as the publisher shows one.
struct Files {
  std::map<std::string, std::string> content;

  Result<FormatSummary> summary() const {
    std::vector<manifest::FileEntry> entries;
    for (const auto& [path, bytes] : content) entries.push_back({path, bytes.size(), {}});
    return manifest::summarise_checkpoint(entries,
                                          [this](const std::string& path, ByteCount offset, ByteCount length) -> Result<std::string> {
                                            return content.at(path).substr(offset, length);
                                          });
  }
};

}  // namespace

TEST_CASE("a safetensors header gives tensors, parameters and bytes per dtype") {
  Result<FormatSummary> summary = manifest::summarise_safetensors_header(two_tensors, 16);
  REQUIRE(summary.ok());
  CHECK(*summary == FormatSummary{"safetensors", 2, 7, {{"BF16", 12}, {"F32", 4}}});
}

TEST_CASE("dtypes below a byte and unknown ones are counted by their bytes") {
  CHECK(manifest::summarise_safetensors_header(R"({"t":{"dtype":"F4","shape":[4,4],"data_offsets":[0,8]}})", 8)->bytes_per_dtype.at("F4") ==
        8);
  CHECK(manifest::summarise_safetensors_header(R"({"t":{"dtype":"F2","shape":[4],"data_offsets":[0,1]}})", 1)->bytes_per_dtype.at("F2") ==
        1);
}

TEST_CASE("empty tensors and files without tensors are legal") {
  CHECK(manifest::summarise_safetensors_header(R"({"t":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]}})", 0)->tensors == 1);
  CHECK(manifest::summarise_safetensors_header("{}", 0)->tensors == 0);
}

TEST_CASE("a damaged safetensors header is refused") {
  refused(manifest::summarise_safetensors_header("", 0), "does not start with '{'");
  refused(manifest::summarise_safetensors_header(" {}", 0), "does not start with '{'");
  refused(manifest::summarise_safetensors_header("{", 0), "bad JSON");
  refused(manifest::summarise_safetensors_header(two_tensors, 15), "cut or damaged");
  refused(manifest::summarise_safetensors_header(two_tensors, 17), "cut or damaged");
  refused(manifest::summarise_safetensors_header(R"({"__metadata__":{"n":1}})", 0), "map of strings");
  refused_tensor("1", "not an object");
  refused_tensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})", "two whole numbers");
  refused_tensor(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})", "ends before it begins");
  refused_tensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0,9]})", "contradict");
  refused_tensor(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})", "whole numbers");
  refused_tensor(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})", "overflows");
  refused_tensor(R"({"dtype":"F64","shape":[2305843009213693953],"data_offsets":[0,8]})", "contradict");
  refused_tensor(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})", "gap");
  refused(manifest::summarise_safetensors_header(
              R"({"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},"b":{"dtype":"U8","shape":[6],"data_offsets":[4,10]}})", 10),
          "overlap");
}

TEST_CASE("the length of a safetensors header must fit the file") {
  CHECK(manifest::safetensors_header_length(u64(100), 108).value() == 100);
  CHECK_FALSE(manifest::safetensors_header_length(u64(100), 107).ok());
  CHECK_FALSE(manifest::safetensors_header_length(u64(UINT64_MAX), UINT64_MAX).ok());
  CHECK_FALSE(manifest::safetensors_header_length(u64(100'000'001), GiB).ok());
  CHECK_FALSE(manifest::safetensors_header_length("1234567", 7).ok());
}

TEST_CASE("a GGUF header gives tensors, parameters and bytes per type") {
  std::string file = good_gguf();
  Result<FormatSummary> summary = manifest::summarise_gguf_header(file, file.size());
  REQUIRE_MESSAGE(summary.ok(), (summary.ok() ? "" : summary.error().message));
  CHECK(*summary == FormatSummary{"gguf", 2, 72, {{"F32", 32}, {"Q4_0", 36}}});
}

TEST_CASE("every shorter head of a GGUF file asks for more, until the header is whole") {
  std::string file = good_gguf();
  std::size_t data = 96;
  for (std::size_t length = 0; length < file.size(); ++length) {
    Result<FormatSummary> summary = manifest::summarise_gguf_header(file.substr(0, length), file.size());
    if (summary.ok()) continue;
    CHECK(summary.error().code == ErrorCode::partial);
    CHECK(length < file.size() - data);
  }
}

TEST_CASE("every GGUF file that was cut is refused") {
  std::string file = good_gguf();
  for (std::size_t length = 0; length < file.size(); ++length)
    refused(manifest::summarise_gguf_header(file.substr(0, length), length), "GGUF header");
}

TEST_CASE("GGUF counts that the file cannot hold are refused before anything is allocated") {
  auto header = [](const std::string& bytes) { return manifest::summarise_gguf_header(bytes, bytes.size()); };
  refused(header("GGML" + std::string(60, '\0')), "does not start with GGUF");
  refused(header(gguf(UINT64_MAX, 0, std::string(64, '\0'))), "tensors do not fit");
  refused(header(gguf(0, UINT64_MAX, std::string(64, '\0'))), "key-values do not fit");
  refused(header(gguf(0, 1, u64(UINT64_MAX) + std::string(64, '\0'))), "longer than allowed");
  refused(header(gguf(0, 1, text("k") + u32(8) + u64(UINT64_MAX) + "x")), "cut or damaged");
  refused(header(gguf(0, 1, text("k") + u32(9) + u32(10) + u64(UINT64_MAX / 4))), "larger than any file");
  refused(header(gguf(0, 1, text("k") + u32(13) + u64(0))), "unknown type 13");
  refused(header(gguf(0, 1, text("k") + u32(9) + u32(99) + u64(0))), "unknown type 99");
  refused(header(gguf(0, 1, text("general.alignment") + u32(4) + u32(0))), "general.alignment is 0");
  std::string nested = text("k") + u32(9);
  for (int i = 0; i < 6; ++i) nested += u32(9) + u64(1);
  refused(header(gguf(0, 1, nested)), "nested too deeply");
  refused(header(gguf(1, 0, tensor_info("t", {1, 1, 1, 1, 1}, 0, 0))), "5 dimensions");
  refused(header(gguf(1, 0, tensor_info("t", {UINT64_MAX, 2}, 0, 0))), "overflows");
  refused(header(gguf(1, 0, tensor_info("t", {UINT64_MAX / 2}, 0, 0))), "cannot pack");
  refused(header(gguf(1, 0, tensor_info("t", {33}, 2, 0) + std::string(64, 'd'))), "cannot pack");
  refused(header(gguf(1, 0, tensor_info("t", {1}, 0, 8) + std::string(64, 'd'))), "multiple of the alignment");
  refused(header(gguf(1, 0, tensor_info(std::string(65, 'n'), {1}, 0, 0) + std::string(64, 'd'))), "longer than allowed");
  refused(header(gguf(1, 0, tensor_info("t", {1}, 0, 1ull << 40) + std::string(64, 'd'))), "cut or damaged");
}

TEST_CASE("a GGUF version that is not known is carried without a summary") {
  std::string file = "GGUF" + u32(9) + "whatever";
  CHECK(*manifest::summarise_gguf_header(file, file.size()) == FormatSummary{"gguf", 0, 0, {}});
}

TEST_CASE("an index must name shards that are there") {
  std::string index = R"({"metadata":{"total_size":16},"weight_map":{"a":"m-2.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"}})";
  CHECK(manifest::shards_of_index(index).value() == std::vector<std::string>{"m-1.safetensors", "m-2.safetensors"});
  CHECK(manifest::check_shards(index, "sub/x.index.json", {"sub/m-1.safetensors", "sub/m-2.safetensors"}).ok());
  Status missing = manifest::check_shards(index, "sub/x.index.json", {"sub/m-1.safetensors", "m-2.safetensors"});
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().message.find("sub/x.index.json: shard 'm-2.safetensors' is missing") == 0);
  CHECK_FALSE(manifest::shards_of_index("{}").ok());
  CHECK_FALSE(manifest::shards_of_index(R"({"weight_map":{"a":1}})").ok());
}

TEST_CASE("a checkpoint's summary is the sum over its shards") {
  std::string shard = safetensors(std::string(two_tensors), 16);
  std::string index = R"({"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})";
  Files files{{{"m-1.safetensors", shard}, {"m-2.safetensors", shard}, {"model.safetensors.index.json", index}, {"config.json", "{}"}}};
  CHECK(files.summary().value() == FormatSummary{"safetensors", 4, 14, {{"BF16", 24}, {"F32", 8}}});
  files.content.erase("m-2.safetensors");
  refused(files.summary(), "m-2.safetensors' is missing");
}

TEST_CASE("a checkpoint's damaged file is named") {
  Files files{{{"sub/m.safetensors", safetensors(std::string(two_tensors), 15)}}};
  refused(files.summary(), "sub/m.safetensors: ");
  refused(Files{{{"m.safetensors", "short"}}}.summary(), "m.safetensors: ");
  refused(Files{{{"m.gguf", "GGUF"}}}.summary(), "m.gguf: ");
  refused(Files{{{"m.gguf", ""}}}.summary(), "m.gguf: ");
}

TEST_CASE("a checkpoint of other files is of kind other, one of GGUF files of kind gguf") {
  CHECK(Files{{{"mdef", "x"}, {"means", ""}}}.summary().value() == FormatSummary{"other", 0, 0, {}});
  CHECK(Files{{{"m.gguf", good_gguf()}, {"README.md", ""}}}.summary()->parameters == 72);
  CHECK(Files{{}}.summary()->kind == "other");
}

TEST_CASE("a GGUF header that is longer than the first read is read further") {
  std::string pairs = text("tokens") + u32(9) + u32(0) + u64(3 * MiB) + std::string(3 * MiB, 't');
  std::string file = gguf(1, 1, pairs + tensor_info("t", {8}, 0, 0));
  file.append((32 - file.size() % 32) % 32 + 32, '\0');
  CHECK(Files{{{"m.gguf", file}}}.summary()->parameters == 8);
}
