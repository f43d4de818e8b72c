// github.com/ggml-org/ggml, docs/gguf.md: magic, version, counts, key-values, tensor infos, padding, data. Little-endian.
#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "base/bytes.hpp"
#include "base/encoding.hpp"
#include "manifest/checked_math.hpp"
#include "manifest/ggml_types.hpp"
#include "manifest/model_format.hpp"

namespace shoal::manifest {
namespace {

constexpr std::size_t key_limit = 65535;
constexpr std::size_t tensor_name_limit = 64;
constexpr std::uint32_t dimension_limit = 4;
constexpr int array_depth_limit = 4;
// The least bytes that a key-value and a tensor info take: what a count may promise is bounded by them before it is believed.
constexpr std::uint64_t smallest_pair = 8 + 4 + 1;
constexpr std::uint64_t smallest_tensor = 8 + 4 + 4 + 8;

constexpr std::uint32_t type_uint16 = 2, type_uint32 = 4, type_string = 8, type_array = 9;
/// Bytes of a value of each type: u8 i8 u16 i16 u32 i32 f32 bool string array u64 i64 f64; 0 for those of variable length.
constexpr std::array<std::uint64_t, 13> value_sizes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

constexpr std::array<GgmlPacking, 32> packings{
    {{0, "F32", 1, 4},        {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},    {3, "Q4_1", 32, 20},    {6, "Q5_0", 32, 22},
     {7, "Q5_1", 32, 24},     {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},    {10, "Q2_K", 256, 84},  {11, "Q3_K", 256, 110},
     {12, "Q4_K", 256, 144},  {13, "Q5_K", 256, 176},   {14, "Q6_K", 256, 210}, {15, "Q8_K", 256, 292}, {16, "IQ2_XXS", 256, 66},
     {17, "IQ2_XS", 256, 74}, {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50}, {20, "IQ4_NL", 32, 18}, {21, "IQ3_S", 256, 110},
     {22, "IQ2_S", 256, 82},  {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},       {25, "I16", 1, 2},      {26, "I32", 1, 4},
     {27, "I64", 1, 8},       {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56}, {30, "BF16", 1, 2},     {34, "TQ1_0", 256, 54},
     {35, "TQ2_0", 256, 66},  {39, "MXFP4", 32, 17}}};

Error refuse(std::string why) { return fail(ErrorCode::usage, "GGUF header: " + std::move(why)); }

/// Walks over the bytes at hand. Running out of them is damage where the file ends, and a wish for more where it does not.
class Walker {
 public:
  Walker(std::string_view head, ByteCount file_size) : head_(head), file_size_(std::max<ByteCount>(file_size, head.size())) {}

  ByteCount position() const { return at_; }
  /// Bytes of the file that are still ahead: the bound for every count.
  ByteCount ahead() const { return file_size_ - at_; }

  Result<std::string_view> take(std::uint64_t count) {
    if (count > ahead()) return refuse("it ends in the middle: the file is cut or damaged");
    if (count > head_.size() - at_) return fail(ErrorCode::partial, "GGUF header: it is longer than " + format_bytes(head_.size()));
    std::string_view taken = head_.substr(at_, count);
    at_ += count;
    return taken;
  }

  template <class Number>
  Result<Number> number() {
    SHOAL_TRY(std::string_view bytes, take(sizeof(Number)));
    return from_little_endian<Number>(bytes);
  }

  Result<std::string_view> string(std::uint64_t limit) {
    SHOAL_TRY(std::uint64_t length, number<std::uint64_t>());
    if (length > limit) return refuse("a string of " + std::to_string(length) + " bytes is longer than allowed");
    return take(length);
  }

 private:
  std::string_view head_;
  ByteCount file_size_;
  std::size_t at_ = 0;
};

Status skip_value(Walker& walker, std::uint32_t type, int depth);

Status skip_array(Walker& walker, int depth) {
  if (depth >= array_depth_limit) return refuse("arrays are nested too deeply");
  SHOAL_TRY(std::uint32_t type, walker.number<std::uint32_t>());
  SHOAL_TRY(std::uint64_t count, walker.number<std::uint64_t>());
  if (type >= value_sizes.size()) return refuse("a value has the unknown type " + std::to_string(type));
  std::uint64_t bytes = count;
  if (value_sizes[type] > 0) {
    if (!multiply(bytes, value_sizes[type])) return refuse("an array is larger than any file");
    SHOAL_CHECK(walker.take(bytes));
    return {};
  }
  for (std::uint64_t i = 0; i < count; ++i) SHOAL_CHECK(skip_value(walker, type, depth + 1));
  return {};
}

Status skip_value(Walker& walker, std::uint32_t type, int depth) {
  if (type >= value_sizes.size()) return refuse("a value has the unknown type " + std::to_string(type));
  if (type == type_array) return skip_array(walker, depth);
  if (type == type_string) SHOAL_CHECK(walker.string(UINT64_MAX));
  else SHOAL_CHECK(walker.take(value_sizes[type]));
  return {};
}

/// Unsigned, of any width; others are walked over.
Result<std::optional<std::uint64_t>> unsigned_value(Walker& walker, std::uint32_t type) {
  if (type == type_uint16 || type == type_uint16 + 1) {
    SHOAL_TRY(auto value, walker.number<std::uint16_t>());
    return std::optional<std::uint64_t>(value);
  }
  if (type == type_uint32 || type == type_uint32 + 1) {
    SHOAL_TRY(auto value, walker.number<std::uint32_t>());
    return std::optional<std::uint64_t>(value);
  }
  SHOAL_CHECK(skip_value(walker, type, 0));
  return std::optional<std::uint64_t>();
}

/// Key-values are walked over; the one that matters here is the alignment of the data.
Result<std::uint32_t> alignment_of(Walker& walker, std::uint64_t pairs) {
  std::uint32_t alignment = 32;
  if (pairs > walker.ahead() / smallest_pair) return refuse(std::to_string(pairs) + " key-values do not fit the file");
  for (std::uint64_t i = 0; i < pairs; ++i) {
    SHOAL_TRY(std::string_view key, walker.string(key_limit));
    SHOAL_TRY(std::uint32_t type, walker.number<std::uint32_t>());
    if (key == "general.alignment" && type == type_uint32) {
      SHOAL_TRY(alignment, walker.number<std::uint32_t>());
      continue;
    }
    SHOAL_CHECK(skip_value(walker, type, 0));
  }
  if (!std::has_single_bit(alignment) || alignment < 8 || alignment > MiB)
    return refuse("general.alignment is " + std::to_string(alignment));
  return alignment;
}

struct Tensor {
  std::uint32_t type = 0;
  std::uint64_t elements = 1;
  std::uint64_t row = 1;  // the first dimension: what is packed into blocks
  ByteCount offset = 0;
};

Result<Tensor> read_tensor(Walker& walker) {
  SHOAL_TRY(std::string_view name, walker.string(tensor_name_limit));
  SHOAL_TRY(std::uint32_t dimensions, walker.number<std::uint32_t>());
  std::string what = "tensor '" + printable(name) + "'";
  if (dimensions > dimension_limit) return refuse(what + " has " + std::to_string(dimensions) + " dimensions");
  Tensor tensor;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    SHOAL_TRY(std::uint64_t size, walker.number<std::uint64_t>());
    if (i == 0) tensor.row = size;
    if (!multiply(tensor.elements, size)) return refuse(what + " has a shape that overflows");
  }
  SHOAL_TRY(tensor.type, walker.number<std::uint32_t>());
  SHOAL_TRY(tensor.offset, walker.number<std::uint64_t>());
  return tensor;
}

/// Bytes of the tensor; nothing for a type of later versions.
Result<std::optional<ByteCount>> size_of(const Tensor& tensor) {
  const GgmlPacking* packing = ggml_packing(tensor.type);
  if (packing == nullptr) return std::optional<ByteCount>();
  ByteCount bytes = tensor.elements / packing->elements;
  if (tensor.row % packing->elements != 0 || !multiply(bytes, packing->bytes))
    return refuse("a tensor of type " + std::string(packing->name) + " has a shape that the type cannot pack");
  return std::optional<ByteCount>(bytes);
}

/// Adds a tensor to the summary and gives back where its data ends, counted from the start of all data.
Result<ByteCount> add_tensor(FormatSummary& summary, const Tensor& tensor, std::uint32_t alignment) {
  if (tensor.offset % alignment != 0) return refuse("a tensor does not start on a multiple of the alignment");
  SHOAL_TRY(std::optional<ByteCount> bytes, size_of(tensor));
  ByteCount end = tensor.offset;
  if (!add(end, bytes.value_or(0)) || !add(summary.parameters, tensor.elements)) return refuse("the sizes of its tensors overflow");
  ++summary.tensors;
  if (!bytes) return end;
  // Tensors may share data, so the sum is not bounded by the file.
  if (!add(summary.bytes_per_dtype[std::string(ggml_packing(tensor.type)->name)], *bytes))
    return refuse("the sizes of its tensors overflow");
  return end;
}

Status read_tensors(Walker& walker, std::uint64_t count, std::uint32_t alignment, FormatSummary& summary) {
  if (count > walker.ahead() / smallest_tensor) return refuse(std::to_string(count) + " tensors do not fit the file");
  ByteCount end = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    SHOAL_TRY(Tensor tensor, read_tensor(walker));
    SHOAL_TRY(ByteCount tensor_end, add_tensor(summary, tensor, alignment));
    end = std::max(end, tensor_end);
  }
  ByteCount padding = count == 0 ? 0 : (alignment - walker.position() % alignment) % alignment;
  if (padding > walker.ahead() || end > walker.ahead() - padding)
    return refuse("it describes " + format_bytes(end) + " of tensors, the file has " + format_bytes(walker.ahead()) +
                  ": it is cut or damaged");
  return {};
}

}  // namespace

const GgmlPacking* ggml_packing(std::uint32_t type) {
  auto found = std::find_if(packings.begin(), packings.end(), [&](const GgmlPacking& packing) { return packing.type == type; });
  return found == packings.end() ? nullptr : &*found;
}

Result<FormatSummary> summarise_gguf_header(std::string_view head, ByteCount file_size) {
  Walker walker(head, file_size);
  SHOAL_TRY(std::string_view magic, walker.take(4));
  if (magic != "GGUF") return refuse("it does not start with GGUF");
  SHOAL_TRY(std::uint32_t version, walker.number<std::uint32_t>());
  FormatSummary summary{"gguf", 0, 0, {}};
  if (version != 2 && version != 3) return summary;
  SHOAL_TRY(std::uint64_t tensors, walker.number<std::uint64_t>());
  SHOAL_TRY(std::uint64_t pairs, walker.number<std::uint64_t>());
  SHOAL_TRY(std::uint32_t alignment, alignment_of(walker, pairs));
  SHOAL_CHECK(read_tensors(walker, tensors, alignment, summary));
  return summary;
}

Result<GgufSplit> split_of_gguf(std::string_view head, ByteCount file_size) {
  Walker walker(head, file_size);
  SHOAL_TRY(std::string_view magic, walker.take(4));
  SHOAL_TRY(std::uint32_t version, walker.number<std::uint32_t>());
  if (magic != "GGUF" || (version != 2 && version != 3)) return GgufSplit{};
  SHOAL_CHECK(walker.take(8));  // the number of tensors
  SHOAL_TRY(std::uint64_t pairs, walker.number<std::uint64_t>());
  if (pairs > walker.ahead() / smallest_pair) return refuse(std::to_string(pairs) + " key-values do not fit the file");
  GgufSplit split;
  for (std::uint64_t i = 0; i < pairs; ++i) {
    SHOAL_TRY(std::string_view key, walker.string(key_limit));
    const bool is_no = key == "split.no", is_count = key == "split.count";
    SHOAL_TRY(std::uint32_t type, walker.number<std::uint32_t>());
    SHOAL_TRY(auto value, unsigned_value(walker, type));
    if (is_no) split.no = value.value_or(0);
    if (is_count) split.count = value.value_or(0);
  }
  return split;
}

}  // namespace shoal::manifest
