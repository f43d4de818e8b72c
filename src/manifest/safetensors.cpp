// github.com/huggingface/safetensors, "Format": u64 length, JSON header, data.
#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/bytes.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "manifest/checked_math.hpp"
#include "manifest/model_format.hpp"

namespace shoal::manifest {
namespace {

constexpr ByteCount format_header_limit = 100'000'000;

struct Tensor {
  std::string dtype;
  std::uint64_t elements = 1;
  ByteCount begin = 0, end = 0;
};

Error refuse(std::string_view tensor, std::string_view why) {
  return fail(ErrorCode::usage, "safetensors header: tensor '" + printable(tensor) + "' " + std::string(why));
}

/// Bits of one element; nothing for a dtype of later versions, whose size is then not checked.
std::optional<std::uint64_t> bits_of(std::string_view dtype) {
  static constexpr std::array<std::pair<std::string_view, unsigned>, 22> sizes{
      {{"F4", 4},      {"F6_E2M3", 6},     {"F6_E3M2", 6},     {"BOOL", 8}, {"U8", 8},   {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8},
       {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16}, {"U16", 16}, {"F16", 16}, {"BF16", 16},   {"I32", 32},
       {"U32", 32},    {"F32", 32},        {"C64", 64},        {"F64", 64}, {"I64", 64}, {"U64", 64}}};
  for (const auto& [name, bits] : sizes)
    if (name == dtype) return bits;
  return std::nullopt;
}

Result<std::uint64_t> elements_of(const std::string& name, const Json& shape) {
  std::uint64_t elements = 1;
  for (const Json& dimension : shape) {
    if (!dimension.is_number_unsigned()) return refuse(name, "has a shape that is not of whole numbers");
    if (!multiply(elements, dimension.get<std::uint64_t>())) return refuse(name, "has a shape that overflows");
  }
  return elements;
}

Result<Tensor> tensor_from(const std::string& name, const Json& json) {
  JsonReader reader(json, "safetensors header: tensor '" + printable(name) + "'");
  Tensor tensor;
  tensor.dtype = reader.string("dtype");
  const Json& shape = reader.array("shape");
  const Json& offsets = reader.array("data_offsets");
  SHOAL_CHECK(reader.finish_lenient());
  if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    return refuse(name, "has data_offsets that are not two whole numbers");
  tensor.begin = offsets[0].get<std::uint64_t>();
  tensor.end = offsets[1].get<std::uint64_t>();
  if (tensor.begin > tensor.end) return refuse(name, "ends before it begins");
  SHOAL_TRY(tensor.elements, elements_of(name, shape));
  return tensor;
}

Status check_size(const std::string& name, const Tensor& tensor) {
  std::optional<std::uint64_t> bits = bits_of(tensor.dtype);
  if (!bits) return {};
  std::uint64_t total = tensor.elements;
  if (!multiply(total, *bits) || total % 8 != 0 || total / 8 != tensor.end - tensor.begin)
    return refuse(name, "has " + std::to_string(tensor.end - tensor.begin) + " bytes of data, which its shape and dtype contradict");
  return {};
}

/// The format demands that the tensors tile the data, without gaps and up to its end.
Status check_tiling(std::vector<std::pair<ByteCount, ByteCount>> ranges, ByteCount data_size) {
  std::sort(ranges.begin(), ranges.end());
  ByteCount at = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin != at) return fail(ErrorCode::usage, "safetensors header: the tensors overlap or leave a gap at byte " + std::to_string(at));
    at = end;
  }
  if (at == data_size) return {};
  return fail(ErrorCode::usage, "safetensors header: it describes " + format_bytes(at) + " of tensors, the file has " +
                                    format_bytes(data_size) + ": it is cut or damaged");
}

Status check_metadata(const Json& metadata) {
  bool strings = metadata.is_object() && std::all_of(metadata.begin(), metadata.end(), [](const Json& value) { return value.is_string(); });
  if (!strings) return fail(ErrorCode::usage, "safetensors header: __metadata__ is not a map of strings");
  return {};
}

Status add(FormatSummary& summary, const std::string& name, const Tensor& tensor) {
  ++summary.tensors;
  if (!shoal::manifest::add(summary.parameters, tensor.elements)) return refuse(name, "makes the number of parameters overflow");
  // Ranges that tile the data cannot add up to more than the file; before that is known, the sum may wrap harmlessly.
  summary.bytes_per_dtype[tensor.dtype] += tensor.end - tensor.begin;
  return {};
}

/// A damaged header is bad input of whoever publishes it, whichever parser found out.
template <class T>
Result<T> as_usage(Result<T> result) {
  if (!result.ok()) result.error().code = ErrorCode::usage;
  return result;
}

Result<FormatSummary> summarise(std::string_view json_header, ByteCount data_size) {
  SHOAL_TRY(Json json, parse_json(json_header, safetensors_header_limit).within("safetensors header"));
  FormatSummary summary{"safetensors", 0, 0, {}};
  std::vector<std::pair<ByteCount, ByteCount>> ranges;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      SHOAL_CHECK(check_metadata(value));
      continue;
    }
    SHOAL_TRY(Tensor tensor, tensor_from(name, value));
    SHOAL_CHECK(check_size(name, tensor));
    SHOAL_CHECK(add(summary, name, tensor));
    ranges.emplace_back(tensor.begin, tensor.end);
  }
  SHOAL_CHECK(check_tiling(std::move(ranges), data_size));
  return summary;
}

Result<std::vector<std::string>> list_shards(std::string_view index_json) {
  SHOAL_TRY(Json json, parse_json(index_json, safetensors_header_limit).within("index of shards"));
  JsonReader reader(json, "index of shards");
  const Json& weight_map = reader.object("weight_map");
  SHOAL_CHECK(reader.finish_lenient());
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map.items()) {
    if (!shard.is_string()) return fail("index of shards: tensor '" + printable(tensor) + "' has no file name");
    shards.insert(shard.get<std::string>());
  }
  return std::vector<std::string>(shards.begin(), shards.end());
}

}  // namespace

Result<ByteCount> safetensors_header_length(std::string_view first, ByteCount file_size) {
  if (first.size() < 8) return fail(ErrorCode::usage, "safetensors: the file is shorter than 8 bytes: it is cut or damaged");
  const auto length = from_little_endian<std::uint64_t>(first);
  if (length < 2 || length > format_header_limit || length > file_size - std::min<ByteCount>(8, file_size))
    return fail(ErrorCode::usage,
                "safetensors: a header of " + std::to_string(length) + " bytes does not fit the file: it is cut or damaged");
  return length;
}

Result<FormatSummary> summarise_safetensors_header(std::string_view json_header, ByteCount data_size) {
  if (!json_header.starts_with('{')) return fail(ErrorCode::usage, "safetensors header: it does not start with '{'");
  return as_usage(summarise(json_header, data_size));
}

Result<std::vector<std::string>> shards_of_index(std::string_view index_json) { return as_usage(list_shards(index_json)); }

Status check_shards(std::string_view index_json, const std::string& index_path, const std::vector<std::string>& paths) {
  SHOAL_TRY(std::vector<std::string> shards, shards_of_index(index_json).within(index_path));
  auto slash = index_path.rfind('/');
  std::string directory = slash == std::string::npos ? "" : index_path.substr(0, slash + 1);
  for (const std::string& shard : shards) {
    if (std::find(paths.begin(), paths.end(), directory + shard) != paths.end()) continue;
    return fail(ErrorCode::usage,
                index_path + ": shard '" + printable(shard) + "' is missing: complete the checkpoint, or remove the index");
  }
  return {};
}

}  // namespace shoal::manifest
